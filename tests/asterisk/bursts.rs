//! Senders whose frames come several at once, all the time: a phone on a network that saves power, an application that speaks over an
//! AudioSocket. What ConfBridge's own mix delivers of such a speaker, the whisper delivers too.

use crate::{
    audiosocket::AudioSocket,
    conference::{AGENT, CUSTOMER, Conference, MANAGER, seconds},
    line::LOUD,
    pbx::Scenario,
};

pub const SCENARIOS: &[Scenario] = &[
    ("a_sender_in_bursts_is_whispered_as_it_is_mixed", |pbx| {
        let mut c = Conference::new(pbx, "bursts");
        whispered_as_mixed(&mut c, |c| {
            let coach = c.enter("coach", MANAGER);
            coach.line.arrives_at_once(AT_ONCE);
            (coach.id.clone(), Box::new(move |tone| coach.line.say(tone)))
        });
    }),
    ("an_audiosocket_in_bursts_is_whispered_as_it_is_mixed", |pbx| {
        let mut c = Conference::new(pbx, "bursts_audiosocket");
        whispered_as_mixed(&mut c, |c| {
            let (id, socket) = (format!("{}-coach", c.room), AudioSocket::new(AT_ONCE as u32));
            let variables = [
                format!("ROOM={}", c.room),
                "SPEAK_ONLY_TO=agent".into(),
                format!("BRIDGE={}", MANAGER.bridge),
                format!("USER={}", MANAGER.user),
            ];
            let channel = socket.channel();
            let mut headers = vec![("Channel", channel.as_str()), ("ChannelId", &id), ("Async", "true")];
            headers.extend([("Context", "members"), ("Exten", "member"), ("Priority", "1")]);
            headers.extend(variables.iter().map(|variable| ("Variable", variable.as_str())));
            let answer = c.manager.action("Originate", &headers);
            assert_eq!(answer.get("Response"), "Success", "{answer:?}");
            (id, Box::new(move |tone| socket.say(tone)))
        });
    }),
];

/// Frames of 20 ms.
const AT_ONCE: u64 = 5;
/// What is said privately, and what is said openly.
const PRIVATELY: f64 = 1_500.0;
const OPENLY: f64 = 1_850.0;

/// The coach's call, and how it says a tone.
type Coach = (String, Box<dyn Fn(f64)>);

fn whispered_as_mixed(c: &mut Conference, calls: impl FnOnce(&mut Conference) -> Coach) {
    let (customer, agent) = (c.enter("customer", CUSTOMER), c.enter("agent", AGENT));
    let (coach, say) = calls(c);
    c.wait_until("the coach joins", |c| {
        let room = c.room.clone();
        c.manager.command(&format!("coach explain {room} {coach}")).starts_with("+OK")
    });
    let from = customer.line.clock();
    say(PRIVATELY);
    c.listen(&[&agent, &customer], 6.0);
    c.judge(&customer, from, PRIVATELY, false).unwrap_or_else(|said| panic!("the customer hears the whisper: {said}"));
    let uncoached = c.manager.command(&format!("coach uncoach {} {coach}", c.room));
    assert!(uncoached.starts_with("+OK"), "{uncoached}");
    seconds(0.7);
    say(OPENLY);
    c.listen(&[&agent], 6.0);
    let heard = agent.line.heard();
    let [whispered, mixed] = [PRIVATELY, OPENLY].map(|tone| heard.levels(tone).share_at(LOUD));
    println!("{}: mixed {mixed:.3}, whispered {whispered:.3}", c.room);
    assert!(mixed > 0.9, "what is compared has to be there: {mixed:.3} of the windows of open speech\n{}", c.state());
    assert!(
        whispered > mixed - 0.02,
        "of the whisper {whispered:.3} of the windows are at level, of open speech {mixed:.3}"
    );
}
