//! Steps.

use super::command::COMMANDS;
use super::data::{EXTENSIONS, EXTERNAL_REFERENCES, VARIABLES};
use super::{Kind, Property, Shape, may, must};

static COMMON: &[Property] = &[
    must("type", &Kind::Text),
    may("name", &Kind::Text),
    may("description", &Kind::Text),
    may("external_references", &EXTERNAL_REFERENCES),
    may("delay", &Kind::Whole(0, i64::MAX)),
    may("timeout", &Kind::Whole(0, i64::MAX)),
    may("step_variables", &VARIABLES),
    may("owner", &Kind::Id),
    may("step_extensions", &EXTENSIONS),
    // Which of them a step may have is told by the checks of the workflow.
    may("on_completion", &Kind::Id),
    may("on_success", &Kind::Id),
    may("on_failure", &Kind::Id),
];

static ARGUMENTS: &[Property] =
    &[may("in_args", &Kind::List(&Kind::Text, 1)), may("out_args", &Kind::List(&Kind::Text, 1))];

static SHAPES: &[(&str, Shape)] = &[
    ("start", &[COMMON]),
    ("end", &[COMMON]),
    (
        "action",
        &[
            COMMON,
            ARGUMENTS,
            &[
                must("commands", &COMMANDS),
                must("agent", &Kind::Id),
                may("targets", &Kind::List(&Kind::Id, 1)),
            ],
        ],
    ),
    (
        "playbook-action",
        &[COMMON, ARGUMENTS, &[must("playbook_id", &Kind::Id), may("playbook_version", &Kind::Time)]],
    ),
    ("parallel", &[COMMON, &[must("next_steps", &Kind::List(&Kind::Id, 2))]]),
    (
        "if-condition",
        &[COMMON, &[must("condition", &Kind::Text), must("on_true", &Kind::Id), may("on_false", &Kind::Id)]],
    ),
    ("while-condition", &[COMMON, &[must("condition", &Kind::Text), must("on_true", &Kind::Id)]]),
    ("switch-condition", &[COMMON, &[must("switch", &Kind::Text), must("cases", &Kind::Map(&Kind::Id, 0))]]),
];

/// Steps by their ids.
pub(super) static STEPS: Kind = Kind::Ids(&Kind::ByType(SHAPES, None), 0);
