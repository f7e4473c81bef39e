//! `updraft dead-letters`: what the store will never take, with the reasons.

use std::pin::pin;

use futures_util::StreamExt;
use updraft::DeadLetter;

use crate::exit::{Ending, Error};
use crate::options::DeadLetters;
use crate::output::Output;
use crate::reading::Reading;
use crate::text::clean;

/// Lists; nothing is resumed by it.
pub(crate) async fn dead_letters(options: &DeadLetters) -> Result<Ending, Error> {
    let stored = Reading::open(&options.data).await?;
    let listed = print(&stored, options).await;
    stored.close().await;
    listed.map(|()| Ending::Completed)
}

async fn print(stored: &Reading, options: &DeadLetters) -> Result<(), Error> {
    let most = usize::try_from(options.limit).unwrap_or(usize::MAX);
    let mut letters = pin!(stored.dead_letters(options.tenant.clone()).take(most));
    if options.json {
        let mut array = Output::stdout().array();
        while let Some(letter) = letters.next().await {
            array.item(&letter?);
            if array.closed() {
                break;
            }
        }
        return array.end();
    }
    let mut output = Output::stdout();
    output.line(line("UPDATED", "TENANT", "EXECUTION", "UPDATE", "REASON"));
    while let Some(letter) = letters.next().await {
        output.line(row(&letter?));
        if output.closed() {
            break;
        }
    }
    output.finish()
}

fn row(letter: &DeadLetter) -> String {
    let kind = letter.key.split(':').next().unwrap_or_default();
    let tenant = letter.tenant_code.as_ref().map_or("?", |tenant| tenant.as_str());
    let (updated, peid) = (letter.updated_date.to_string(), letter.peid.to_string());
    line(&updated, tenant, &peid, kind, &clean(&letter.reason))
}

fn line(updated: &str, tenant: &str, execution: &str, update: &str, reason: &str) -> String {
    let line = format!("{updated:24}  {tenant:16}  {execution:36}  {update:9}  {reason}");
    line.trim_end().to_owned()
}
