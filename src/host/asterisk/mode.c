/*
 * res_coach: tag, untag, coach, uncoach: what every interface does.
 *
 * This program is free software, distributed under the terms of the GNU General Public License Version 2.
 */
#include "shim.h"

#include "asterisk/astobj2.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

/* What COACH() reads, as it was set last. */
static void record(struct leg *leg, char **field, const char *value)
{
	ao2_lock(leg);
	ast_free(*field);
	*field = value ? ast_strdup(value) : NULL;
	ao2_unlock(leg);
}

/* Before the engine hears that a member is private, its frames have to be looked at. */
static void expect_private(struct leg *leg, struct ast_channel *chan, int anew)
{
	ast_channel_lock(chan);
	hook_listen(leg->hook);
	if (anew) {
		hook_await(leg->hook);
	}
	ast_channel_unlock(chan);
}

int mode_set_tags(struct ast_channel *chan, const char *tags)
{
	struct leg *leg = leg_hooked(chan);

	if (!leg) {
		return -1;
	}
	if (coach_tag(leg->member, tags)) {
		ast_log(LOG_WARNING, "memberTag of %s: %s. It has no tags\n", ast_channel_name(chan), coach_message());
		coach_untag(leg->member);
		tags = NULL;
	}
	record(leg, &leg->tags, tags);
	ao2_ref(leg, -1);
	return 0;
}

int mode_set_speak_only_to(struct ast_channel *chan, const char *speak_only_to)
{
	struct leg *leg = leg_hooked(chan);

	if (!leg) {
		return -1;
	}
	expect_private(leg, chan, 1);
	if (coach_coach(leg->member, speak_only_to)) {
		ast_log(LOG_WARNING, "speakOnlyTo of %s: %s. It is private to nobody; `-` says that on purpose\n",
			ast_channel_name(chan), coach_message());
		coach_coach(leg->member, "-");
		speak_only_to = "-";
	}
	record(leg, &leg->speak_only_to, speak_only_to);
	ao2_ref(leg, -1);
	return 0;
}

int mode_untag(struct ast_channel *chan)
{
	struct leg *leg = leg_find(ast_channel_uniqueid(chan));

	if (leg) {
		coach_untag(leg->member);
		record(leg, &leg->tags, NULL);
		ao2_ref(leg, -1);
	}
	return 0;
}

int mode_uncoach(struct ast_channel *chan)
{
	struct leg *leg = leg_find(ast_channel_uniqueid(chan));

	if (leg) {
		coach_uncoach(leg->member);
		record(leg, &leg->speak_only_to, NULL);
		ao2_ref(leg, -1);
	}
	return 0;
}

/* --------------------------------------------------------------------------------------------- text commands ---- */

/* Hooks the member of a command that needs it. Nonzero: it cannot be. */
static int prepare(struct leg *leg, int private)
{
	char uniqueid[AST_MAX_UNIQUEID];
	struct ast_channel *chan;
	struct leg *hooked = NULL;

	leg_uniqueid(leg, uniqueid);
	chan = ast_channel_get_by_name(uniqueid);
	if (chan && (hooked = leg_hooked(chan)) && private) {
		expect_private(hooked, chan, 0);
	}
	ast_channel_cleanup(chan);
	ao2_cleanup(hooked);
	return !hooked;
}

/* What the answer's `+OK` means for the record. */
static void note(struct leg *leg, const char *verb, const char *value)
{
	if (!strcmp(verb, "tag") || !strcmp(verb, "untag")) {
		record(leg, &leg->tags, *value ? value : NULL);
	} else if (!strcmp(verb, "coach") || !strcmp(verb, "uncoach")) {
		record(leg, &leg->speak_only_to, *value ? value : NULL);
	}
}

char *mode_command(const char *command)
{
	char *rest = ast_strdupa(command), *reply = NULL;
	const char *verb = S_OR(strsep(&rest, " "), "");
	const char *room = S_OR(strsep(&rest, " "), "");
	const char *member = S_OR(strsep(&rest, " "), "");
	const char *value = S_OR(rest, "");
	int names_member = !strcmp(verb, "tag") || !strcmp(verb, "untag") || !strcmp(verb, "coach")
		|| !strcmp(verb, "uncoach") || !strcmp(verb, "explain");
	struct leg *leg = names_member && *member ? conference_member(room, member) : NULL;
	RAII_VAR(char *, resolved, NULL, ast_free);

	/* The member may be called by any name of its channel: the engine knows the number. */
	if (leg && ast_asprintf(&resolved, "%s %s %u %s", verb, room, leg->number, value) > 0) {
		command = resolved;
	}
	if (leg && (!strcmp(verb, "tag") || !strcmp(verb, "coach")) && prepare(leg, !strcmp(verb, "coach"))) {
		ao2_ref(leg, -1);
		coach_command(engine, "", &reply);
		return reply;
	}
	if (!coach_command(engine, command, &reply) && leg && ast_begins_with(reply, "+OK")) {
		note(leg, verb, value);
	}
	ao2_cleanup(leg);
	return reply;
}

int mode_anybody_private(void)
{
	struct ao2_iterator all = ao2_iterator_init(legs(), 0);
	struct leg *leg;
	int found = 0;

	while (!found && (leg = ao2_iterator_next(&all))) {
		found = leg->speak_only_to != NULL;
		ao2_ref(leg, -1);
	}
	ao2_iterator_destroy(&all);
	return found;
}
