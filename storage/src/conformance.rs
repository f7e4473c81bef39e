//! The suite that every store must pass: the promises of the `Store` contract, case by case. Knows no store.

mod batches;
mod bonds;
mod catalogue;
mod containments;
mod data;
mod dead_letters;
pub(crate) mod epochs;
mod events;
mod inbox;
mod keys;
mod large;
mod overdue;
mod owners;
mod paging;
mod queue;
mod reading;
pub(crate) mod samples;
mod settings;
mod slowest;
mod tenants;
mod values;
mod writing;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::store::Store;

/// The end of a case. A promise that does not hold panics; a store that fails is an error.
pub type Ending = Result<(), Box<dyn Error + Send + Sync>>;

type Running<'s> = Pin<Box<dyn Future<Output = Ending> + 's>>;

/// One promise of the contract.
pub struct Case {
    /// The promise.
    pub name: &'static str,
    run: for<'s> fn(&'s dyn Store) -> Running<'s>,
}

impl Case {
    /// Checks the promise on an empty store.
    ///
    /// # Errors
    /// The store's error.
    pub async fn run(&self, store: &dyn Store) -> Ending {
        (self.run)(store).await
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! cases {
    ($($part:ident: $($case:ident),+;)+) => {
        /// Every promise.
        pub const CASES: &[Case] = &[$($(Case {
            name: concat!(stringify!($part), "::", stringify!($case)),
            run: |store| Box::pin($part::$case(store)),
        }),+),+];
    };
}

cases! {
    writing:
        what_is_inserted_comes_back_whole,
        an_update_changes_what_it_names_and_nothing_else,
        a_head_is_laid_over_a_document_that_exists,
        a_stale_update_changes_nothing,
        a_newer_epoch_wins_over_a_higher_number,
        batches_in_any_order_and_twice_end_in_the_newest_state,
        an_update_of_a_missing_document_is_poison_and_the_others_are_written,
        a_number_beyond_the_store_is_poison_and_the_others_are_written,
        a_full_batch_is_answered_in_order,
        an_empty_batch_is_written;
    batches:
        inserts_and_changes_of_both_kinds_stand_in_one_batch,
        a_batch_that_was_written_in_part_is_completed_by_sending_it_again,
        a_full_batch_of_every_fate_is_answered_one_by_one,
        an_execution_and_a_task_may_have_the_same_id,
        batches_at_once_are_all_written,
        writers_of_several_epochs_at_once_end_in_the_newest;
    data:
        keys_may_hold_any_text,
        nothing_and_null_are_two_things,
        the_largest_values_fit,
        numbers_at_their_bounds_come_back,
        every_status_comes_back,
        every_field_of_a_failure_comes_back;
    values:
        every_form_of_a_value_comes_back_as_it_was,
        any_value_comes_back_as_it_was,
        a_definition_of_other_digits_is_another;
    reading:
        tasks_come_in_order_of_their_number,
        tasks_of_an_alert_come_by_status_and_in_all,
        unfinished_executions_of_all_tenants_come_newest_first,
        what_is_to_be_resumed_comes_with_all_of_its_tasks,
        a_summary_is_the_document_without_what_may_be_large,
        a_summary_of_tasks_is_each_without_its_response,
        what_is_missing_is_none,
        it_answers;
    inbox:
        an_inbox_has_what_a_person_or_group_may_answer_oldest_deadline_first,
        pages_of_an_inbox_lose_and_repeat_nothing,
        what_is_answered_leaves_the_inbox;
    overdue:
        waits_of_a_kind_come_from_all_tenants_the_longest_first,
        pages_of_waits_that_began_together_lose_and_repeat_nothing,
        runtimes_are_those_of_the_newest_that_completed;
    keys:
        an_idempotency_key_finds_its_execution,
        a_key_is_that_of_a_playbook_in_every_version,
        a_key_that_is_taken_is_poison_for_another_and_the_others_are_written,
        of_two_in_one_batch_one_takes_the_key;
    queue:
        queued_executions_of_a_tenant_come_in_their_order,
        queued_executions_of_some_playbooks_are_left_out,
        tenants_with_queued_executions_are_counted,
        the_newest_execution_of_an_alert_is_found;
    events:
        events_come_in_the_order_of_their_positions,
        pages_of_events_lose_and_repeat_nothing,
        later_updates_add_events_and_take_none_away, nothing_is_told_at_the_place_up_to_which_all_is,
        a_wait_that_begins_again_is_told_by_the_newest_and_an_output_where_it_is_wanted;
    paging:
        pages_of_one_millisecond_lose_and_repeat_nothing,
        pages_of_unfinished_lose_and_repeat_nothing,
        a_cursor_needs_no_row_of_its_own,
        a_page_is_capped_and_may_be_empty;
    large:
        a_page_of_large_executions_ends_early_and_the_next_goes_on,
        a_page_of_large_tasks_ends_early_and_the_next_goes_on,
        a_page_of_large_playbooks_ends_early_and_the_next_goes_on;
    tenants:
        tenants_are_walls_between_executions,
        tenants_are_walls_between_tasks,
        tenants_are_walls_between_playbooks;
    slowest:
        runtimes_are_grouped_before_they_are_sorted,
        only_what_was_asked_for_counts,
        tenants_are_walls_between_runtimes;
    catalogue:
        a_playbook_is_put_once,
        another_definition_is_a_conflict,
        an_id_has_one_playbook,
        the_newest_version_is_found_by_name,
        many_put_one_playbook_and_one_creates_it,
        the_catalogue_is_paged_by_name_and_version,
        the_catalogue_knows_status_and_category;
    containments:
        a_containment_is_changed_only_as_it_was_read,
        open_containments_are_listed_in_the_order_of_their_ends,
        what_is_due_comes_first_and_what_has_ended_never,
        the_hold_of_a_task_is_listed_until_it_is_registered,
        what_falls_due_at_one_instant_is_listed_page_by_page;
    settings:
        a_setting_is_changed_only_as_it_was_read,
        of_many_changes_at_once_one_is_made,
        settings_are_listed_with_their_kind_in_pages,
        a_setting_that_is_too_large_is_refused,
        the_audit_is_told_newest_first_and_by_tenant;
    epochs:
        each_claim_is_higher_than_every_one_before_and_than_what_is_known,
        a_virtual_shard_is_claimed_alone,
        no_two_claims_at_once_are_given_the_same,
        an_epoch_that_none_can_follow_is_an_error;
    dead_letters:
        a_letter_comes_back_as_it_was_kept,
        a_letter_is_kept_once,
        an_unknown_tenant_is_found_through_the_execution,
        tenants_are_walls_between_letters,
        letters_are_paged_by_key,
        a_large_update_is_kept_and_a_larger_one_is_named;
    bonds:
        a_bond_comes_back_as_it_was_bound,
        a_bond_is_bound_only_instead_of_the_one_that_was_seen,
        a_note_of_the_journal_moves_the_bond_and_one_of_another_is_refused;
    owners:
        one_of_many_takes_what_nobody_has,
        an_owner_is_followed_only_as_it_was_seen,
        what_is_given_back_is_seen_and_another_gives_nothing_back;
}

/// The case that failed.
#[derive(Debug, thiserror::Error)]
#[error("{case}: {reason}")]
pub struct BrokenPromise {
    /// Its name.
    pub case: &'static str,
    /// The store's error.
    pub reason: Box<dyn Error + Send + Sync>,
}

/// Runs every case, each on a new empty store from `make`.
///
/// # Errors
/// The first case in which the store fails.
///
/// # Panics
/// The store breaks the contract.
pub async fn run_all(make: impl AsyncFn() -> Arc<dyn Store>) -> Result<(), BrokenPromise> {
    for case in CASES {
        let store = make().await;
        case.run(&*store).await.map_err(|reason| BrokenPromise { case: case.name, reason })?;
    }
    Ok(())
}
