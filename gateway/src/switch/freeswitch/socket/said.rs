//! What FreeSWITCH says of a call in its events.

use super::Connection;
use crate::switch::leg::Ended;
use freeswitch_esl_tokio::EslEvent;

/// Headers of the request that began the call.
pub fn headers(connection: &Connection) -> Vec<(String, String)> {
    let standard = [
        ("variable_sip_full_from", "from"),
        ("variable_sip_full_to", "to"),
        ("variable_sip_call_id", "call-id"),
        ("variable_sip_contact_uri", "contact"),
        ("variable_sip_user_agent", "user-agent"),
        ("variable_sip_P-Asserted-Identity", "p-asserted-identity"),
    ];
    let standard = standard.iter().map(|(variable, name)| ((*name).to_owned(), (*variable).to_owned()));
    let own = connection.channel.headers().keys().filter_map(|key| {
        let name = key.strip_prefix("variable_sip_h_")?;
        (name.len() > 2 && name[..2].eq_ignore_ascii_case("x-")).then(|| (name.to_owned(), key.clone()))
    });
    let both = standard.chain(own.take(64));
    both.filter_map(|(name, variable)| Some((name, connection.value(&variable)?))).collect()
}

/// How a call has ended.
pub fn ended(event: &EslEvent) -> Ended {
    let variable = |name: &str| event.variable_str(name).unwrap_or_default();
    let by_caller = matches!(variable("sip_hangup_disposition"), "recv_bye" | "recv_cancel" | "recv_refuse");
    Ended { cause: variable("hangup_cause_q850").parse().unwrap_or(0), by_caller }
}
