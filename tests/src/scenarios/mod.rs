//! Scenarios: behaviour that clients see, the same in every form of the system.
//! [`scenarios!`](crate::scenarios!) makes a test of each.

#![expect(missing_docs, reason = "the name of a scenario is the sentence that it proves")]
#![expect(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a scenario that does not hold panics")]

mod business;
mod commands;
mod privacy;
mod round_trip;
mod tail;

pub use business::*;
pub use commands::*;
pub use privacy::*;
pub use round_trip::*;
pub use tail::*;

/// Makes a `#[tokio::test]` of each scenario.
///
/// The argument is a path to an async function that returns a [`Place`](crate::place::Place), followed by further attributes
/// of each test.
#[macro_export]
macro_rules! scenarios {
    ($place:path $(, $attribute:meta)*) => {
        $crate::scenarios!(@each $place, [$($attribute),*]
            a_created_ingesta_is_readable_as_in_the_contract
            every_transition_is_made_or_refused_as_in_the_contract
            thirty_commands_at_once_on_one_ingesta_succeed_or_are_refused_by_the_business_only
            a_list_is_read_page_by_page_newest_first_even_while_others_are_added
            every_command_from_the_broker_is_handled_in_order
            the_same_message_twice_has_one_effect_even_over_a_restart
            a_command_that_the_business_refuses_is_answered
            a_text_from_the_broker_is_normalized_or_refused_as_over_http
            a_value_that_does_not_fit_is_not_sent_and_the_reason_is_printed
            a_line_leaves_at_once_and_a_signal_ends_the_sending
            two_processes_share_the_work_and_do_it_once
            the_pending_reservas_of_a_cliente_that_leaves_are_cancelled_and_its_expediente_shows_it
            contexts_that_are_processes_of_their_own_work_together_as_in_one
            no_log_level_shows_personal_data
            every_event_is_shown_once_with_its_cloudevents_headers_and_a_plain_value
            a_missing_topic_is_reported_and_a_reader_that_leaves_ends_the_tail
            the_tail_follows_from_the_end_until_it_is_interrupted_and_ends_at_a_limit
        );
    };
    (@each $place:path, $attributes:tt $($scenario:ident)*) => {
        $($crate::scenarios!(@one $place, $attributes $scenario);)*
    };
    (@one $place:path, [$($attribute:meta),*] $scenario:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        $(#[$attribute])*
        async fn $scenario() {
            $crate::scenarios::$scenario(&$place().await).await;
        }
    };
}
