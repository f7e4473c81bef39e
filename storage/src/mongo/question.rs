//! Questions: what is asked of the server, and its answers as they come from the cursor; what others put beside our
//! documents is passed over. Knows no query by itself, and changes nothing.

use mongodb::Cursor as Answers;
use mongodb::bson::{Bson, RawDocument, RawDocumentBuf};
use mongodb::error::Error as DriverError;
use mongodb::options::{FindOptions, Hint};

use super::fault::store_error;
use super::index::Index;
use super::query::Find;
use super::{EXECUTIONS, MongoStore, code, query};
use crate::page::{Room, Row};
use crate::store::{Error, SlowestQuery};

/// Why a question was not answered.
pub(super) enum Unread {
    /// The server took longer than it was given.
    Late,
    Failed(Error),
}

impl Unread {
    fn of(error: DriverError) -> Self {
        if code::of(&error) == Some(code::MAX_TIME_EXPIRED) {
            Self::Late
        } else {
            Self::Failed(store_error(error))
        }
    }
}

impl From<Error> for Unread {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Unread> for Error {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Late => Self::Unavailable("the server took longer than it was given".into()),
            Unread::Failed(error) => error,
        }
    }
}

/// What may be asked again for more.
pub(super) enum Question<'q> {
    Find(&'q Find),
    /// With the playbooks that are meant, and how many.
    Slowest(&'q SlowestQuery, Option<Vec<Bson>>, usize),
}

impl Question<'_> {
    fn limit(&self) -> Option<usize> {
        match self {
            Self::Find(find) => find.limit,
            Self::Slowest(_, _, limit) => Some(*limit),
        }
    }

    fn collection(&self) -> &'static str {
        match self {
            Self::Find(find) => find.collection,
            Self::Slowest(..) => EXECUTIONS,
        }
    }

    /// Asks it for as many as are said.
    async fn ask(&self, store: &MongoStore, limit: Option<usize>) -> Result<Answers<RawDocumentBuf>, Unread> {
        match self {
            Self::Find(find) => answers(store, &Find { limit, ..(*find).clone() }).await,
            Self::Slowest(asked, pids, most) => {
                let pipeline = query::slowest(asked, pids.clone(), limit.unwrap_or(*most));
                let executions = store.collection(EXECUTIONS);
                executions.aggregate(pipeline).with_type::<RawDocumentBuf>().await.map_err(Unread::of)
            }
        }
    }
}

/// As many of our documents as there is room for. Where those of others take their places more is asked for, twice as
/// much each time, until there is no more.
pub(super) async fn ours<T: Row>(
    store: &MongoStore,
    question: Question<'_>,
    room: Room,
    read: impl Fn(&RawDocument) -> Result<Option<T>, Error>,
) -> Result<Vec<T>, Unread> {
    let mut limit = question.limit();
    loop {
        let (found, passed) = collect(question.ask(store, limit).await?, room, &read).await?;
        let last = limit.is_none_or(|limit| found.len() + passed < limit);
        if last || !room.with(&found).is_left() {
            store.foreign.passed(question.collection(), passed);
            return Ok(found);
        }
        limit = limit.map(|limit| limit.saturating_mul(2));
    }
}

pub(super) async fn answers(store: &MongoStore, find: &Find) -> Result<Answers<RawDocumentBuf>, Unread> {
    let collection = store.collection(find.collection);
    let ask = |index: Option<Index>| {
        let options = FindOptions::builder()
            .sort(find.sort.clone())
            .projection(find.projection.clone())
            .hint(index.map(|index| Hint::Keys(index.key())))
            .limit(find.limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX)))
            // All that fits one message comes in the first answer.
            .batch_size(find.limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)))
            .max_time(find.patience)
            .build();
        collection.find(find.filter.clone()).with_options(options)
    };
    match ask(find.index).await {
        // Someone dropped the index: slower is better than not at all. The next start makes it again.
        Err(error) if find.index.is_some() && code::of(&error) == Some(code::BAD_VALUE) => ask(None).await,
        asked => asked,
    }
    .map_err(Unread::of)
}

/// The documents that are ours, as many as there is room for, and how many of others were passed over.
async fn collect<T: Row>(
    mut answers: Answers<RawDocumentBuf>,
    mut room: Room,
    read: impl Fn(&RawDocument) -> Result<Option<T>, Error>,
) -> Result<(Vec<T>, usize), Unread> {
    let (mut documents, mut passed) = (Vec::new(), 0);
    while room.is_left() && answers.advance().await.map_err(Unread::of)? {
        match read(answers.current())? {
            Some(document) => {
                room.take(&document);
                documents.push(document);
            }
            None => passed += 1,
        }
    }
    Ok((documents, passed))
}
