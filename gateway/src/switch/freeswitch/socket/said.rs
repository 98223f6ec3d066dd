//! What FreeSWITCH says of a call in its events.

use crate::switch::leg::Ended;
use freeswitch_esl_tokio::EslEvent;

/// How a call has ended.
pub fn ended(event: &EslEvent) -> Ended {
    let variable = |name: &str| event.variable_str(name).unwrap_or_default();
    let by_caller = matches!(variable("sip_hangup_disposition"), "recv_bye" | "recv_cancel" | "recv_refuse");
    Ended { cause: variable("hangup_cause_q850").parse().unwrap_or(0), by_caller }
}
