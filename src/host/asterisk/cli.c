/*
 * res_coach: the commands on Asterisk's console.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "cli.h"

#include "conference.h"
#include "lookup.h"
#include "privacy.h"

#include "asterisk/cli.h"
#include "asterisk/module.h"
#include "asterisk/strings.h"

struct grammar {
	char *command;
	const char *words; /* that follow it: a Conference, a Member of it, Tags */
	const char *last;  /* what may come after these, besides `as json`; NULL: neither */
	const char *usage;
};

#define MEMBER_TEXT "       <member> is its number, its channel's name or its unique id.\n"
#define JSON_TEXT "       With `as json`: for programs.\n"

static const struct grammar grammars[] = {
	{ "coach rooms", "", "", "Usage: coach rooms [as json]\n"
		"       Every conference: its members, and how many speak privately.\n" JSON_TEXT },
	{ "coach show", "C", "", "Usage: coach show <conference> [as json]\n"
		"       Every member: number, channel, memberTag, speakOnlyTo, and who hears it.\n" JSON_TEXT },
	{ "coach explain", "CM", "", "Usage: coach explain <conference> <member> [as json]\n"
		"       Who hears this member and why; who does not and why.\n" MEMBER_TEXT JSON_TEXT },
	{ "coach tag", "CMT", NULL, "Usage: coach tag <conference> <member> <tag>[,<tag>...]\n"
		"       Sets the member's tags, in place of those that it has: 1 to 16, of at most 64\n"
		"       bytes, with no comma or white space.\n" MEMBER_TEXT
		"       Example: coach tag support PJSIP/agent-00000001 agent,night-shift\n" },
	{ "coach untag", "CM", NULL, "Usage: coach untag <conference> <member>\n"
		"       Removes the member's tags.\n" MEMBER_TEXT },
	{ "coach coach", "CMT", NULL, "Usage: coach coach <conference> <member> <tag>[,<tag>...]\n"
		"       The member speaks privately: it is heard only by the members that have one of these\n"
		"       tags. `-`: by nobody.\n" MEMBER_TEXT
		"       Example: coach coach support 3 agent\n" },
	{ "coach uncoach", "CM", NULL, "Usage: coach uncoach <conference> <member>\n"
		"       The member speaks openly again, 200 ms later. What it said before stays private\n"
		"       also where the network delivers that later.\n" MEMBER_TEXT },
	{ "coach gettag", "CT", "nomatch", "Usage: coach gettag <conference> <tag> [nomatch] [as json]\n"
		"       The numbers of the members that have (have not) the tag.\n" JSON_TEXT },
	{ "coach stats", "C", "", "Usage: coach stats [<conference>] [as json]\n"
		"       Counters: frames, private frames delivered, underruns, skips.\n" JSON_TEXT },
	{ "coach version", "", "", "Usage: coach version [as json]\n"
		"       Coach's version.\n" JSON_TEXT },
	{ "coach help", "", NULL, "Usage: coach help\n"
		"       Every command, on one page.\n" },
};

static const struct grammar *grammar_of(const struct ast_cli_entry *entry);

/* Offers a word, if it begins with what was typed. */
static void offer(const char *word, const char *typed)
{
	if (*word && ast_begins_with(word, typed)) {
		ast_cli_completion_add(ast_strdup(word));
	}
}

static char *complete(const struct grammar *grammar, const struct ast_cli_args *args)
{
	size_t at = args->pos - 2;
	const char *conference = args->argc > 2 ? args->argv[2] : "", *before = args->argv[args->pos - 1];

	if (at < strlen(grammar->words)) {
		switch (grammar->words[at]) {
		case 'C':
			each_room(args->word, offer);
			break;
		case 'M':
			each_member(conference, args->word, offer);
			break;
		case 'T':
			each_tag(conference, args->word, offer);
			break;
		}
	} else if (grammar->last && strcmp(before, "json")) {
		if (strcmp(before, "as")) {
			offer("as", args->word);
			offer(at == strlen(grammar->words) ? grammar->last : "", args->word);
		} else {
			offer("json", args->word);
		}
	}
	return NULL;
}

static char *run(struct ast_cli_entry *entry, int what, struct ast_cli_args *args)
{
	const struct grammar *grammar = grammar_of(entry);
	char command[1024] = "";
	struct ast_str *answer;

	switch (what) {
	case CLI_INIT:
		entry->command = grammar->command;
		entry->usage = grammar->usage;
		return NULL;
	case CLI_GENERATE:
		return complete(grammar, args);
	}
	ast_join(command, sizeof(command), args->argv + 1);
	answer = ast_str_create(1024);
	if (!answer) {
		return CLI_FAILURE;
	}
	privacy_command(command, &answer);
	ast_cli(args->fd, "%s\n", ast_str_buffer(answer));
	ast_free(answer);
	return CLI_SUCCESS;
}

/* One for each grammar, in that order. */
static struct ast_cli_entry entries[] = {
	AST_CLI_DEFINE(run, "Every conference"),
	AST_CLI_DEFINE(run, "Every member of a conference"),
	AST_CLI_DEFINE(run, "Who hears a member, and why"),
	AST_CLI_DEFINE(run, "Set a member's tags"),
	AST_CLI_DEFINE(run, "Remove a member's tags"),
	AST_CLI_DEFINE(run, "Have a member heard by tags only"),
	AST_CLI_DEFINE(run, "Have a member heard by everyone"),
	AST_CLI_DEFINE(run, "Members that have a tag"),
	AST_CLI_DEFINE(run, "Counters"),
	AST_CLI_DEFINE(run, "Coach's version"),
	AST_CLI_DEFINE(run, "Every command"),
};

static const struct grammar *grammar_of(const struct ast_cli_entry *entry)
{
	return &grammars[entry - entries];
}

int cli_start(void)
{
	return ast_cli_register_multiple(entries, ARRAY_LEN(entries));
}

void cli_stop(void)
{
	ast_cli_unregister_multiple(entries, ARRAY_LEN(entries));
}
