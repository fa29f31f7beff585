/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The closing account's sums, and the table that a newcomer reads. */
#include "rig/line/checks.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

/* ---- the chips ---- */

struct sums {
    int64_t closed;       /* genuine chips */
    int64_t closed_right; /* of them: with the firmware, byte for byte */
    int64_t open;         /* chips of any kind that were in a socket */
    int64_t open_erased;
    int64_t strangers;
    int64_t strangers_closed;
    int64_t licensed;
    int64_t not_seated;
    int64_t failed; /* genuine chips, as the next two */
    int64_t aside;
    int64_t without; /* succeeded by the station's word alone: open */
};

/* The service gave a license also when the station could not write it down. */
static bool was_licensed(const struct line_chip *chip)
{
    return chip->is_licensed || strcmp(chip->reason, "license-not-kept") == 0;
}

static struct sums sum_chips(const struct line *line)
{
    struct sums sums = {.closed = 0};
    for (size_t i = 0; i < line->chip_count; i++) {
        const struct line_chip *chip = &line->chips[i];
        bool is_genuine = chip->kind == LINE_GENUINE;
        sums.strangers += !is_genuine && chip->is_made;
        sums.strangers_closed += !is_genuine && chip->is_closed;
        sums.closed += is_genuine && chip->is_closed;
        sums.closed_right += is_genuine && chip->is_closed && chip->holds_firmware;
        sums.open += chip->is_made && !chip->is_closed;
        sums.open_erased += chip->is_made && !chip->is_closed && chip->is_erased;
        sums.licensed += is_genuine && was_licensed(chip);
        sums.not_seated += chip->fate == LINE_WAITING;
        sums.failed += is_genuine && chip->fate == LINE_FAILED;
        sums.aside += is_genuine && chip->fate == LINE_ASIDE;
        sums.without += is_genuine && chip->fate == LINE_SUCCEEDED && !chip->is_closed;
    }
    return sums;
}

/* ---- what must hold ---- */

static void __attribute__((format(printf, 4, 5)))
add(struct line_checks *checks, const char *name, bool holds, const char *format, ...)
{
    struct line_check *check = &checks->list[checks->count++];
    va_list arguments;
    check->name = name;
    check->holds = holds;
    va_start(arguments, format);
    (void)vsnprintf(check->text, sizeof check->text, format, arguments);
    va_end(arguments);
}

static void check_service(const struct line *line, struct line_checks *checks)
{
    const struct station_usage *u = &line->after;
    int64_t ended = u->succeeded + u->failed + u->scrapped + u->unreported;
    add(checks, "granted-is-remaining-plus-charged", u->granted == u->remaining + u->charged,
        "quota: %" PRId64 " granted = %" PRId64 " left + %" PRId64 " charged", u->granted,
        u->remaining, u->charged);
    add(checks, "charged-is-all-outcomes", u->charged == ended,
        "installs: %" PRId64 " charged = %" PRId64 " succeeded + %" PRId64 " failed + %" PRId64
        " scrapped + %" PRId64 " unreported",
        u->charged, u->succeeded, u->failed, u->scrapped, u->unreported);
}

static void check_chips(const struct line *line, const struct sums *sums,
                        struct line_checks *checks)
{
    int64_t charged = line->after.charged - line->before.charged;
    int64_t succeeded = line->after.succeeded - line->before.succeeded;
    add(checks, "each-chip-charged-once", charged == sums->licensed,
        "each chip paid once: %" PRId64 " units for %" PRId64 " licensed chips", charged,
        sums->licensed);
    add(checks, "closed-chips-are-succeeded", succeeded == sums->closed,
        "reported = real: %" PRId64 " succeeded, %" PRId64 " chips closed", succeeded,
        sums->closed);
    add(checks, "closed-chips-hold-the-firmware", sums->closed_right == sums->closed,
        "firmware, byte for byte, in %" PRId64 " of %" PRId64 " closed chips", sums->closed_right,
        sums->closed);
    add(checks, "open-chips-are-erased", sums->open_erased == sums->open,
        "nothing readable in %" PRId64 " of %" PRId64 " chips that are open", sums->open_erased,
        sums->open);
    add(checks, "strangers-got-nothing", sums->strangers_closed == 0,
        "clones and foreign chips: %" PRId64 " tried, %" PRId64 " got the firmware",
        sums->strangers, sums->strangers_closed);
}

/* A chip that was never seated waits for quota, or the line stopped: the next check tells. */
static void check_line(const struct line *line, const struct sums *sums, struct line_checks *checks)
{
    int64_t missing = sums->failed + sums->aside + sums->without;
    if (missing == 0)
        add(checks, "genuine-chips-are-installed", true,
            "every genuine chip that was tried has the firmware, or waits for quota");
    else
        add(checks, "genuine-chips-are-installed", false,
            "every genuine chip has the firmware, or waits for quota: %" PRId64 " failed, %" PRId64
            " set aside",
            sums->failed + sums->without, sums->aside);
    if (!line->is_broken)
        add(checks, "line-ran-to-its-end", true, "the line ran to its end");
    else
        add(checks, "line-ran-to-its-end", false,
            "the line stopped early: %s, %" PRId64 " %s never seated", line->cause,
            sums->not_seated, sums->not_seated == 1 ? "chip was" : "chips were");
}

void line_checks_make(const struct line *line, struct line_checks *checks)
{
    struct sums sums = sum_chips(line);
    check_service(line, checks);
    check_chips(line, &sums, checks);
    check_line(line, &sums, checks);
}

bool line_checks_hold(const struct line_checks *checks)
{
    bool holds = true;
    for (size_t i = 0; i < checks->count; i++)
        holds = holds && checks->list[i].holds;
    return holds;
}

/* ---- the table ---- */

static void print_row(const char *what, const char *note, int64_t count)
{
    (void)printf("    %-34s %6" PRId64 "   %s\n", what, count, note);
}

static void print_faults(const struct line_counts *c)
{
    (void)printf("\n  what was done to the chips\n");
    print_row("power cut in mid-install", "each chip booted, erased itself, was tried again",
              c->power_cuts);
    print_row("programming cable pulled", "likewise", c->cable_pulls);
    print_row("station killed (kill -9)", "the next one went on where it was", c->kills);
    print_row("tries more than one per chip", "with the same license: no further charge",
              c->retries);
}

static void print_quota(const struct line *line)
{
    int64_t raised = line->after.granted - line->before.granted;
    if (line->is_helper_used)
        (void)printf("    %-34s %6s   the line waited; then %" PRId64 " units were added\n",
                     "quota ran out", "yes", raised);
}

static void print_strangers(const struct line *line)
{
    static const char *const kinds[] = {[LINE_CLONE] = "a copied certificate, another key",
                                        [LINE_OTHER_MAKER] = "a chip of another maker",
                                        [LINE_OTHER_FAMILY] = "a chip of another family"};
    static const char *const fates[LINE_FATES] = {
        [LINE_WAITING] = "waits", [LINE_IN_SOCKET] = "?", [LINE_SUCCEEDED] = "ok",
        [LINE_FAILED] = "failed", [LINE_ASIDE] = "aside", [LINE_NO_QUOTA] = "waits"};
    for (size_t i = 0; i < line->chip_count; i++) {
        const struct line_chip *chip = &line->chips[i];
        if (chip->kind != LINE_GENUINE && chip->is_made)
            (void)printf("    %-34s %6s   %s\n", kinds[chip->kind], fates[chip->fate],
                         chip->reason);
    }
}

/* How many genuine chips of that fate gave this reason. */
static size_t count_reason(const struct line *line, enum line_fate fate, const char *reason)
{
    size_t count = 0;
    for (size_t i = 0; i < line->chip_count; i++) {
        const struct line_chip *chip = &line->chips[i];
        count +=
            chip->kind == LINE_GENUINE && chip->fate == fate && strcmp(chip->reason, reason) == 0;
    }
    return count;
}

const char *line_checks_reason(const struct line *line, enum line_fate fate, size_t *ret_count)
{
    const char *reason = "";
    *ret_count = 0;
    for (size_t i = 0; i < line->chip_count; i++) {
        const struct line_chip *chip = &line->chips[i];
        if (chip->kind != LINE_GENUINE || chip->fate != fate || strcmp(chip->reason, reason) == 0)
            continue;
        size_t count = count_reason(line, fate, chip->reason);
        if (count > *ret_count) {
            *ret_count = count;
            reason = chip->reason;
        }
    }
    return reason;
}

/* A reason in words; "" when its word says it. */
static const char *words_of(const struct line *line, const char *reason)
{
    static const char *const words[][2] = {
        {"image-unknown", ": the service has no such image for this product"},
        {"image-refused", ": the service does not give this image"},
        {"st-family", ": chips of another family than the product's"},
        {"st-signature", ": signed by a key that the product does not know"},
        {"license-refused", ": they cannot open their license"},
        {"closed-elsewhere", ": closed before, by another station"},
        {"unreachable", ": the service did not answer"},
        {"license-not-kept", ": the station cannot write to its folder"},
        {"file-write", ": the station cannot write to its folder"}};
    bool is_written = strcmp(reason, "license-not-kept") == 0 || strcmp(reason, "file-write") == 0;
    if (is_written && line->is_disk_full)
        return ": the disk is full";
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(reason, words[i][0]) == 0)
            return words[i][1];
    }
    return "";
}

/* With the most frequent reason, and how frequent when there are others. */
static void print_reason(const struct line *line, const char *what, enum line_fate fate,
                         int64_t count)
{
    char note[160];
    char share[48] = "";
    size_t same = 0;
    const char *reason = line_checks_reason(line, fate, &same);
    if (count == 0)
        return;
    if ((int64_t)same < count)
        (void)snprintf(share, sizeof share, " (%zu of them)", same);
    (void)snprintf(note, sizeof note, "%s%s%s", reason, words_of(line, reason), share);
    print_row(what, note, count);
}

static void print_cost(const struct line *line, const struct sums *sums)
{
    (void)printf("\n  what it cost\n");
    print_row("units charged", "", line->after.charged - line->before.charged);
    print_row("chips with the firmware, closed", "", sums->closed);
    print_reason(line, "chips that failed", LINE_FAILED, sums->failed);
    print_reason(line, "chips set aside", LINE_ASIDE, sums->aside);
    if (line->counts.fates[LINE_NO_QUOTA] > 0)
        print_row("chips that wait for quota", "", line->counts.fates[LINE_NO_QUOTA]);
    if (sums->not_seated > 0)
        print_row("chips that never came to a socket", "", sums->not_seated);
    print_row("units left", "", line->after.remaining);
}

void line_checks_print(const struct line *line, const struct line_checks *checks)
{
    struct sums sums = sum_chips(line);
    bool is_terminal = isatty(STDOUT_FILENO) == 1;
    double seconds = (double)(line->end_ms - line->start_ms) / 1000.0;
    (void)printf("\n  %" PRId64 " chips in %.1f s, %.1f per second, %u sockets\n", sums.closed,
                 seconds, seconds > 0 ? (double)sums.closed / seconds : 0, line->options.sockets);
    print_faults(&line->counts);
    print_strangers(line);
    print_quota(line);
    print_cost(line, &sums);
    (void)printf("\n  the account\n");
    for (size_t i = 0; i < checks->count; i++) {
        const struct line_check *check = &checks->list[i];
        const char *colour = check->holds ? "\033[32m" : "\033[31m";
        (void)printf("    %s%s%s  %s\n", is_terminal ? colour : "",
                     check->holds ? "ok   " : "WRONG", is_terminal ? "\033[0m" : "", check->text);
    }
    (void)fflush(stdout);
}

/* ---- JSON ---- */

static json_t *make_checks(const struct line_checks *checks)
{
    json_t *json = json_object();
    for (size_t i = 0; i < checks->count; i++)
        (void)json_object_set_new(json, checks->list[i].name, json_boolean(checks->list[i].holds));
    return json;
}

static json_t *make_strangers(const struct line *line)
{
    json_t *json = json_object();
    for (size_t i = 0; i < line->chip_count; i++) {
        if (line->chips[i].kind != LINE_GENUINE)
            (void)json_object_set_new(json, line->chips[i].name,
                                      json_string(line->chips[i].reason));
    }
    return json;
}

static json_t *make_faults(const struct line *line)
{
    const struct line_counts *c = &line->counts;
    return json_pack("{s:i, s:i, s:i, s:i}", "power_cuts", c->power_cuts, "cable_pulls",
                     c->cable_pulls, "station_kills", c->kills, "retries", c->retries);
}

static json_t *make_json(const struct line *line, const struct line_checks *checks)
{
    struct sums sums = sum_chips(line);
    const struct line_counts *c = &line->counts;
    return json_pack(
        "{s:b, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:i, s:I, s:I}", "holds",
        line_checks_hold(checks), "checks", make_checks(checks), "strangers", make_strangers(line),
        "faults", make_faults(line), "milliseconds", (json_int_t)(line->end_ms - line->start_ms),
        "charged", (json_int_t)(line->after.charged - line->before.charged), "remaining",
        (json_int_t)line->after.remaining, "closed", (json_int_t)sums.closed, "licensed",
        (json_int_t)sums.licensed, "succeeded", (int)c->fates[LINE_SUCCEEDED], "failed",
        (int)c->fates[LINE_FAILED], "aside", (int)c->fates[LINE_ASIDE], "waiting_for_quota",
        (int)c->fates[LINE_NO_QUOTA], "not_seated", (json_int_t)sums.not_seated, "unreported",
        (json_int_t)line->after.unreported);
}

bool line_checks_write_json(const struct line *line, const struct line_checks *checks)
{
    if (line->options.json == NULL)
        return true;
    json_t *json = make_json(line, checks);
    bool is_written = json != NULL && json_dump_file(json, line->options.json, JSON_INDENT(2)) == 0;
    json_decref(json);
    if (!is_written)
        line_complain("%s cannot be written", line->options.json);
    return is_written;
}
