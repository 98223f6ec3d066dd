/*
 * res_coach: application Coach and function COACH.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "dialplan.h"

#include "privacy.h"
#include "sync.h"

#include "asterisk/astobj2.h"
#include "asterisk/module.h"
#include "asterisk/pbx.h"
#include "asterisk/strings.h"

#define MEMBER_TAG "memberTag"
#define SPEAK_ONLY_TO "speakOnlyTo"

static const char synopsis[] = "Says who hears this channel in a conference, and what it may hear of others";

static const char application_text[] =
	"Coach(memberTag=<tag>[,<tag>...])\n"
	"Coach(speakOnlyTo=<tag>[,<tag>...])\n"
	"Coach(memberTag=<tag>[,<tag>...],speakOnlyTo=<tag>[,<tag>...])\n"
	"Coach(untag)\n"
	"Coach(uncoach)\n"
	"\n"
	"Run it before ConfBridge. A channel with speakOnlyTo speaks privately: it hears the\n"
	"whole conference, and is heard only by the channels whose memberTag has one of its tags.\n"
	"\n"
	"memberTag    the channel's tags: 1 to 16, of at most 64 bytes, with no comma or white space\n"
	"speakOnlyTo  the tags that it speaks to; - for nobody (a silent monitor). Empty or\n"
	"             malformed: nobody too, and a warning is logged\n"
	"untag        removes the tags\n"
	"uncoach      it speaks openly again\n"
	"\n"
	"A channel that speaks privately is silent until it is in a conference, and 200 ms after it\n"
	"has left one heard as any other. What cannot be understood, or carried\n"
	"out, ends the call: it must not reach the conference openly.\n"
	"\n"
	"Example:\n"
	" same => n,Coach(speakOnlyTo=agent)\n"
	" same => n,ConfBridge(support)\n";

static const char function_text[] =
	"COACH(memberTag)    reads or sets the channel's tags. Empty or malformed: it has none, and a\n"
	"                    warning is logged\n"
	"COACH(speakOnlyTo)  reads or sets whom it speaks to: tags; - for nobody. Reads empty while it\n"
	"                    speaks openly. Setting it to an empty or malformed value makes it private\n"
	"                    to nobody, and a warning is logged\n"
	"COACH(untag)        set to any value: removes the tags\n"
	"COACH(uncoach)      set to any value: it speaks openly again\n"
	"\n"
	"Works before ConfBridge and in mid-call, also as a channel variable over AMI (Setvar) and\n"
	"ARI. What cannot be understood, or carried out, ends the call.\n"
	"Where res_coach is not loaded, setting it only logs an error and the call goes on:\n"
	"in the dialplan the application Coach is the safe way.\n"
	"\n"
	"Example:\n"
	" same => n,Set(COACH(memberTag)=agent,night-shift)\n";

/* ---------------------------------------------------------------------------------------------- application ---- */

/* The value that a word starts, or NULL. */
static const char *value_of(const char *word, const char *key)
{
	size_t length = strlen(key);

	return !strncasecmp(word, key, length) && word[length] == '=' ? word + length + 1 : NULL;
}

static int refuse(struct ast_channel *chan, const char *word)
{
	ast_log(LOG_ERROR, "Coach on %s: '%s' is not understood, the call ends. Give " MEMBER_TAG "=<tag>[,<tag>...], "
		SPEAK_ONLY_TO "=<tag>[,<tag>...], untag or uncoach\n", ast_channel_name(chan), word);
	return -1;
}

/* Whatever runs it may go on, into a conference or in one, where this call would be heard by everyone. Not another one, which has taken its place
 * meanwhile. The channel is not locked. */
static void end_call(struct ast_channel *chan, const char *uniqueid)
{
	ast_channel_lock(chan);
	if (!strcmp(ast_channel_uniqueid(chan), uniqueid)) {
		ast_softhangup_nolock(chan, AST_SOFTHANGUP_EXPLICIT);
	}
	ast_channel_unlock(chan);
}

static int carry_out(struct ast_channel *chan, const char *data)
{
	char *rest = ast_strdupa(S_OR(data, "")), *word;
	struct ast_str *tags = NULL, *speak_only_to = NULL, **list = NULL;
	int failed = 0;

	if (ast_strlen_zero(data)) {
		return refuse(chan, "");
	}
	while (!failed && (word = strsep(&rest, ","))) {
		const char *tag = value_of(word, MEMBER_TAG), *to = value_of(word, SPEAK_ONLY_TO);

		if (tag || to) {
			list = tag ? &tags : &speak_only_to;
			if (!*list) {
				*list = ast_str_create(64);
			} else {
				ast_str_reset(*list);
			}
			failed = !*list || ast_str_append(list, 0, "%s", tag ? tag : to) < 0;
		} else if (!strcasecmp(word, "untag")) {
			failed = privacy_untag(chan);
		} else if (!strcasecmp(word, "uncoach")) {
			failed = privacy_uncoach(chan);
		} else if (list && !strchr(word, '=')) {
			failed = ast_str_append(list, 0, ",%s", word) < 0;
		} else {
			/* A key misspelt would be a member that is heard by everyone. */
			failed = refuse(chan, word);
		}
	}
	failed = failed || (speak_only_to && privacy_set_speak_only_to(chan, ast_str_buffer(speak_only_to)))
		|| (tags && privacy_set_tags(chan, ast_str_buffer(tags)));
	ast_free(tags);
	ast_free(speak_only_to);
	return failed;
}

static int coach_exec(struct ast_channel *chan, const char *data)
{
	char uniqueid[AST_MAX_UNIQUEID];
	int failed;

	call_at(chan, uniqueid);
	failed = carry_out(chan, data);
	if (failed) {
		end_call(chan, uniqueid);
	}
	return failed ? -1 : 0;
}

/* ------------------------------------------------------------------------------------------------- function ---- */

static int unknown(const char *key)
{
	ast_log(LOG_WARNING, "COACH(%s): give " MEMBER_TAG ", " SPEAK_ONLY_TO ", untag or uncoach\n", key);
	return -1;
}

static int coach_function_read(struct ast_channel *chan, const char *function, char *key, char *buffer, size_t size)
{
	struct leg *leg;

	*buffer = '\0';
	if (!chan || (strcasecmp(key, MEMBER_TAG) && strcasecmp(key, SPEAK_ONLY_TO))) {
		return unknown(key);
	}
	leg = leg_synced(ast_channel_uniqueid(chan));
	if (leg) {
		ao2_lock(leg);
		ast_copy_string(buffer, S_OR(strcasecmp(key, MEMBER_TAG) ? leg->speak_only_to : leg->tags, ""), size);
		ao2_unlock(leg);
		ao2_ref(leg, -1);
	}
	return 0;
}

static int write_to(struct ast_channel *chan, const char *key, const char *value)
{
	if (!strcasecmp(key, SPEAK_ONLY_TO)) {
		return privacy_set_speak_only_to(chan, S_OR(value, ""));
	}
	if (!strcasecmp(key, MEMBER_TAG)) {
		return privacy_set_tags(chan, S_OR(value, ""));
	}
	if (!strcasecmp(key, "untag")) {
		return privacy_untag(chan);
	}
	if (!strcasecmp(key, "uncoach")) {
		return privacy_uncoach(chan);
	}
	return unknown(key);
}

static int coach_function_write(struct ast_channel *chan, const char *function, char *key, const char *value)
{
	char uniqueid[AST_MAX_UNIQUEID];
	int failed;

	if (!chan) {
		return unknown(key);
	}
	call_at(chan, uniqueid);
	failed = write_to(chan, key, value);
	if (failed) {
		ast_log(LOG_ERROR, "COACH(%s) of %s could not be set: its call ends\n", key, ast_channel_name(chan));
		end_call(chan, uniqueid);
	}
	return failed;
}

static struct ast_custom_function coach_function = {
	.name = "COACH",
	.synopsis = synopsis,
	.desc = function_text,
	.syntax = "COACH(memberTag|speakOnlyTo|untag|uncoach)",
	.read = coach_function_read,
	.write = coach_function_write,
};

int dialplan_start(void)
{
	return ast_register_application2("Coach", coach_exec, synopsis, application_text, AST_MODULE_SELF)
		|| ast_custom_function_register(&coach_function);
}

void dialplan_stop(void)
{
	ast_unregister_application("Coach");
	ast_custom_function_unregister(&coach_function);
}
