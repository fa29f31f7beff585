/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The account from the vault, its sums, and how it is shown. Owns no state. */
#include "cli/account.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/anchor.h"
#include "cli/station.h"
#include "cli/text.h"

#define NOTE_MAX  128
#define PARTS_MAX 4

/* ---- from the vault ---- */

static enum error fail_answer(struct failure *failure, const char *wrong)
{
    return failure_set_plain(
        failure, ERR_INTERNAL,
        "The vault's answer cannot be understood (%s). Are the versions equal?", wrong);
}

static bool take_word(const char *text, char out[ANSWER_WORD_MAX + 1])
{
    const bool is_word = name_is_valid(text, ANSWER_WORD_MAX);
    (void)snprintf(out, ANSWER_WORD_MAX + 1, "%s", is_word ? text : "");
    return is_word;
}

static enum error read_reply(const Provisiond__UsageReply *reply, struct answer_usage *ret_usage,
                             struct failure *failure)
{
    struct answer_usage usage = {
        .granted = reply->granted,
        .charged = reply->charged,
        .remaining = reply->remaining,
        .licensed = reply->licensed,
        .succeeded = reply->succeeded,
        .failed = reply->failed,
        .scrapped = reply->scrapped,
        .unreported = reply->unreported,
        .accepted = reply->accepted,
        .revoked = reply->revoked,
        .scrap_allowance = reply->scrap_allowance,
        .scrap_drawn = reply->scrap_drawn,
        .proven = reply->proven,
        .age = {reply->unreported_hour, reply->unreported_day, reply->unreported_week,
                reply->unreported_older},
        .is_governed = reply->governed,
    };
    if (!take_word(reply->policy, usage.policy))
        return fail_answer(failure, "policy");
    if (!take_word(reply->anchor, usage.anchor))
        return fail_answer(failure, "anchor");
    *ret_usage = usage;
    return ERR_OK;
}

enum error account_ask_vault(const struct arguments *arguments, const char *product,
                             struct answer_usage *ret_usage, struct failure *failure)
{
    Provisiond__UsageRequest usage = PROVISIOND__USAGE_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    usage.product = (char *)product;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_USAGE;
    request.usage = &usage;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    return e == ERR_OK ? read_reply(reply->usage, ret_usage, failure) : e;
}

/* ---- from provisiond ---- */

enum error account_ask_server(const struct arguments *arguments, const char *product,
                              struct answer_usage *ret_usage, struct failure *failure)
{
    REST_AUTO rest = NULL;
    struct rest_answer answer = {0};
    char path[128];
    (void)snprintf(path, sizeof path, "/v1/products/%s/usage", product);
    enum error e = station_connect(arguments, &rest, failure);
    if (e == ERR_OK)
        e = rest_ask(rest, path, NULL, &answer, failure);
    if (e == ERR_OK)
        e = answer_read_usage(bytes_of(answer.body, answer.length), ret_usage, failure);
    free(answer.body);
    return e;
}

/* ---- the sums ---- */

/* False for a sum beyond 64 bits too. */
static bool sum(const int64_t parts[PARTS_MAX], int64_t *ret_sum)
{
    int64_t total = 0;
    for (size_t i = 0; i < PARTS_MAX; i++) {
        if (__builtin_add_overflow(total, parts[i], &total))
            return false;
    }
    *ret_sum = total;
    return true;
}

static bool has_negative(const struct answer_usage *usage)
{
    const int64_t all[] = {usage->granted,  usage->charged,     usage->remaining,
                           usage->licensed, usage->succeeded,   usage->failed,
                           usage->scrapped, usage->unreported,  usage->accepted,
                           usage->revoked,  usage->scrap_drawn, usage->scrap_allowance,
                           usage->proven,   usage->age[0],      usage->age[1],
                           usage->age[2],   usage->age[3]};
    bool is_found = false;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        is_found = is_found || all[i] < 0;
    return is_found;
}

static enum error fail_sum(const char *rule, struct failure *failure)
{
    return failure_set_plain(failure, ERR_INTERNAL,
                             "This account does not add up: it must be that %s. Do not rely on it, "
                             "and have the journal verified",
                             rule);
}

enum error account_check(const struct answer_usage *usage, struct failure *failure)
{
    const struct {
        const char *rule;
        int64_t left[PARTS_MAX];
        int64_t right[PARTS_MAX];
    } rules[] = {
        {"granted = accepted - revoked + scrap drawn",
         {usage->granted, usage->revoked},
         {usage->accepted, usage->scrap_drawn}},
        {"granted = remaining + charged", {usage->granted}, {usage->remaining, usage->charged}},
        {"charged = succeeded + failed + scrapped + unreported",
         {usage->charged},
         {usage->succeeded, usage->failed, usage->scrapped, usage->unreported}},
        {"unreported = the sum of its ages",
         {usage->unreported},
         {usage->age[0], usage->age[1], usage->age[2], usage->age[3]}},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        int64_t left = 0;
        int64_t right = 0;
        if (!sum(rules[i].left, &left) || !sum(rules[i].right, &right) || left != right)
            return fail_sum(rules[i].rule, failure);
    }
    return has_negative(usage) ? fail_sum("no number is below zero", failure) : ERR_OK;
}

/* ---- the page ---- */

const char *account_explain_policy(const char *policy)
{
    if (strcmp(policy, "per-device") == 0)
        return "per-device: one unit pays for one device";
    return strcmp(policy, "per-license") == 0 ? "per-license: one unit pays for one new license"
                                              : policy;
}

struct row {
    const char *name; /* with the sign before it; NULL: an empty line */
    int64_t value;
    const char *note;
};

static int digits_of(int64_t value)
{
    char text[NUMBER_TEXT_SIZE];
    return (int)strlen(text_number(value, text));
}

static void print_rows(const struct row *rows, size_t count)
{
    int width = 0;
    for (size_t i = 0; i < count; i++)
        width = digits_of(rows[i].value) > width ? digits_of(rows[i].value) : width;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].name == NULL)
            (void)putchar('\n');
        else
            (void)printf("%-14s %*" PRId64 "%s%s\n", rows[i].name, width, rows[i].value,
                         rows[i].note[0] != '\0' ? "  " : "", rows[i].note);
    }
}

struct notes {
    char drawn[NOTE_MAX];
    char proven[NOTE_MAX];
    char ages[NOTE_MAX];
};

static void make_notes(const struct answer_usage *usage, struct notes *notes)
{
    (void)snprintf(notes->drawn, NOTE_MAX, "of an allowance of %" PRId64, usage->scrap_allowance);
    (void)snprintf(notes->proven, NOTE_MAX, "of them proven by the device: %" PRId64,
                   usage->proven);
    if (usage->unreported > 0)
        (void)snprintf(notes->ages, NOTE_MAX,
                       "for under 1 hour: %" PRId64 ", 1 day: %" PRId64 ", 7 days: %" PRId64
                       ", longer: %" PRId64,
                       usage->age[AGE_HOUR], usage->age[AGE_DAY], usage->age[AGE_WEEK],
                       usage->age[AGE_OLDER]);
}

enum error account_print(const char *product, const struct answer_usage *usage,
                         struct failure *failure)
{
    struct notes notes = {.ages = ""};
    make_notes(usage, &notes);
    const struct row rows[] = {
        {"  Accepted", usage->accepted, ""},
        {"- Revoked", usage->revoked, ""},
        {"+ Scrap drawn", usage->scrap_drawn, notes.drawn},
        {"= Granted", usage->granted, ""},
        {NULL, 0, ""},
        {"  Remaining", usage->remaining, ""},
        {"+ Charged", usage->charged, ""},
        {"= Granted", usage->granted, ""},
        {NULL, 0, ""},
        {"  Succeeded", usage->succeeded, notes.proven},
        {"+ Failed", usage->failed, ""},
        {"+ Scrapped", usage->scrapped, ""},
        {"+ Unreported", usage->unreported, notes.ages},
        {"= Charged", usage->charged, ""},
        {NULL, 0, ""},
        {"  Licenses", usage->licensed, "one device may have several, one for each image"},
    };
    (void)printf("Product  %s\nPolicy   %s\nRule     %s\nAnchor   %s\n\n", product,
                 account_explain_policy(usage->policy),
                 usage->is_governed ? ACCOUNT_GOVERNED : ACCOUNT_LOCAL,
                 anchor_explain(usage->anchor));
    print_rows(rows, sizeof rows / sizeof rows[0]);
    return account_check(usage, failure);
}

/* ---- for machines ---- */

json_t *account_to_json(const struct answer_usage *usage)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I},"
        " s:b, s:s, s:s}",
        "granted", (json_int_t)usage->granted, "charged", (json_int_t)usage->charged, "remaining",
        (json_int_t)usage->remaining, "licensed", (json_int_t)usage->licensed, "succeeded",
        (json_int_t)usage->succeeded, "failed", (json_int_t)usage->failed, "scrapped",
        (json_int_t)usage->scrapped, "unreported", (json_int_t)usage->unreported, "accepted",
        (json_int_t)usage->accepted, "revoked", (json_int_t)usage->revoked, "scrap_allowance",
        (json_int_t)usage->scrap_allowance, "scrap_drawn", (json_int_t)usage->scrap_drawn, "proven",
        (json_int_t)usage->proven, "unreported_age", "under_1h", (json_int_t)usage->age[AGE_HOUR],
        "under_1d", (json_int_t)usage->age[AGE_DAY], "under_7d", (json_int_t)usage->age[AGE_WEEK],
        "older", (json_int_t)usage->age[AGE_OLDER], "governed", (int)usage->is_governed, "policy",
        usage->policy, "anchor", usage->anchor);
}
