//! What is played, one file a subject.

use crate::{Stage, scene::Outcome};

mod changing;
mod events;
mod following;
mod guide;
mod joining;
mod lifecycle;
mod media;
mod moving;
mod names;
mod phones;
mod random;
mod rates;
mod recovering;
mod sounds;
mod stalling;
mod taps;

/// A scenario's name, which is its conference's too, and its play.
pub type Scenario = (&'static str, fn(&Stage, &str) -> Outcome);

/// Lists functions under their own names.
macro_rules! scenarios {
    ($($module:ident: $($name:ident)*;)*) => {
        pub const ALL: &[Scenario] = &[$($((stringify!($name), $module::$name)),*),*];
    };
}

scenarios! {
    joining:
        without_the_module_everyone_hears_the_coach
        joined_by_application
        joined_by_variables
        joined_by_lua
        joined_with_media_bug_answer_req
        joined_by_event_socket
        joined_by_originate
        several_tags_are_set_in_every_way
        an_exported_tag_passes_to_who_is_bridged
        joined_by_a_loopback_that_runs_the_conference_itself
        joined_out_of_execute_on_answer
        empty_and_unset_settings_are_private_to_nobody
        a_member_without_settings_is_open_and_has_no_hook;
    names:
        white_space_in_a_name_keeps_nobody_open
        a_misspelt_name_is_told_of
        somebody_elses_variable_silences_nobody
        conferences_of_any_name_are_served
        conferences_of_any_name_are_served_from_a_late_load_on
        calls_of_any_uuid_are_served
        assignments_are_read_as_the_switch_reads_them;
    recovering:
        commands_survive_a_crash_at_once
        commands_survive_a_crash_later;
    changing:
        every_change_of_mode
        every_change_by_uuid_coach
        a_late_joiner_is_in_the_audience_of_its_tags
        a_tag_by_mistake_is_taken_back
        two_coaches_with_different_tags
        two_agents_hear_one_coach;
    following:
        a_muted_coach_is_not_heard
        a_deaf_agent_hears_no_coach
        a_coach_on_hold_is_not_heard
        an_agent_on_hold_hears_no_coach
        who_is_held_by_its_phone_is_shown_held
        who_joins_muted_or_deaf_is_so
        who_joins_muted_or_deaf_unannounced_is_so
        a_coach_is_kicked
        hanging_up_in_the_middle_of_a_word
        the_conference_ends;
    moving:
        transferred_to_another_conference
        transferred_out_to_a_bridge_and_back
        a_leg_that_replaces_the_coach_is_never_open
        the_coach_is_transferred_with_consultation
        the_coach_is_transferred_by_its_second_line
        the_coach_is_transferred_as_verto_does_it
        an_agent_leaves_and_comes_back
        a_leg_that_replaces_the_agent_has_no_tags
        the_agent_is_transferred_with_consultation
        the_agent_is_transferred_by_its_second_line
        the_agent_is_transferred_as_verto_does_it
        the_agents_phone_is_replaced_behind_a_loopback
        tags_pass_where_a_setting_says_so;
    guide:
        a_two_party_call_becomes_a_coached_one
        private_speech_is_heard_while_a_conference_waits_for_its_moderator
        variables_set_in_mid_call_change_nobody
        commands_print_what_the_guide_says
        commands_in_mid_call_print_what_the_guide_says;
    taps:
        the_conference_recording_has_no_private_speech
        a_recording_of_the_coach_has_no_private_speech
        a_recording_of_the_customer_has_no_private_speech
        a_recording_of_the_agent_has_what_the_agent_hears
        a_recording_of_the_agent_from_before_has_no_private_speech
        a_file_played_into_the_conference_is_heard_by_all
        a_name_is_recorded_before_coach_alone
        a_file_displaced_on_the_coach_s_leg
        who_eavesdrops_on_the_coach_and_speaks_is_heard_by_all
        hooks_taken_away_are_put_back;
    events:
        every_change_is_an_event
        a_call_outside_conferences_is_bypassed_and_the_end_is_the_switchs_own
        commands_answer_alike_on_every_way_in;
    media:
        pcmu_in_packets_of_10_to_30_ms
        pcma_in_packets_of_40_and_60_ms
        g722_in_a_wide_conference
        opus_in_a_full_band_conference
        every_codec_in_a_conference_of_32_khz
        linear_legs_of_three_rates
        stereo_legs
        opus_in_two_channels
        a_stereo_conference
        a_conference_that_mixes_every_10_ms
        a_conference_with_comfort_noise
        a_codec_changes_in_mid_call
        silence_suppression_and_a_jitter_buffer
        long_packets_and_unusual_rates
        long_packets_and_unusual_rates_in_mid_call;
    rates:
        linear_legs_change_their_rate_in_mid_call;
    phones:
        a_phone_whispers_through_a_jitter_buffer
        the_examples_whisper_and_have_keys
        slow_keys_work_as_quick_ones_do;
    stalling:
        bursts_around_a_command_stay_private
        a_sender_in_bursts_is_whispered_as_it_is_mixed;
    sounds:
        the_coach_alone_hears_a_sound_of_each_mode
        a_setting_turns_the_sounds_off;
    random:
        a_minute_of_random_commands;
    lifecycle:
        unloading_is_refused_while_anyone_is_private
        unloading_by_force_opens_nobody
        the_switch_ends_promptly_while_somebody_is_private
        a_thousand_reloads_under_calls_leave_nothing_behind;
}
