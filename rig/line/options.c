/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reading of rig-line's command line. */
#include "rig/line/options.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rig/station/option_number.h"
#include "rig/station/memory.h"

static const char USAGE[] =
    "usage: rig-line --bin DIR --url https://HOST[:PORT] --ca FILE --cert FILE --key FILE\n"
    "           --product NAME --image DIGEST|latest --firmware FILE --st-ca KEY\n"
    "           --product-id ID --dir WORKDIR --chips N --sockets K\n"
    "           [--faults none|demo|N] [--seed S] [--json FILE] [--retry-seconds N]\n"
    "           [--on-quota-spent COMMAND]\n"
    "Makes N chips, installs the firmware into all of them through K sockets with rig-station,\n"
    "throws in faults, and closes with an account. Exit code: 0 when all of it holds, 10 when\n"
    "chips still wait for quota, 1 when something does not hold or the line stopped early, 64 for\n"
    "wrong options, 130 when it was interrupted (Ctrl-C): then nothing runs any more.\n";

enum {
    BIN,
    URL,
    CA,
    CERT,
    KEY,
    PRODUCT,
    IMAGE,
    FIRMWARE,
    ST_CA,
    PRODUCT_ID,
    DIR,
    NEEDED,
    CHIPS = NEEDED,
    SOCKETS,
    FAULTS,
    SEED,
    JSON,
    RETRY,
    ON_QUOTA,
    OPTIONS
};

static const struct option LONG_OPTIONS[] = {
    {"bin", required_argument, NULL, BIN},
    {"url", required_argument, NULL, URL},
    {"ca", required_argument, NULL, CA},
    {"cert", required_argument, NULL, CERT},
    {"key", required_argument, NULL, KEY},
    {"product", required_argument, NULL, PRODUCT},
    {"image", required_argument, NULL, IMAGE},
    {"firmware", required_argument, NULL, FIRMWARE},
    {"st-ca", required_argument, NULL, ST_CA},
    {"product-id", required_argument, NULL, PRODUCT_ID},
    {"dir", required_argument, NULL, DIR},
    {"chips", required_argument, NULL, CHIPS},
    {"sockets", required_argument, NULL, SOCKETS},
    {"faults", required_argument, NULL, FAULTS},
    {"seed", required_argument, NULL, SEED},
    {"json", required_argument, NULL, JSON},
    {"retry-seconds", required_argument, NULL, RETRY},
    {"on-quota-spent", required_argument, NULL, ON_QUOTA},
    {NULL, 0, NULL, 0},
};

/* Names the option that is wrong, and what it takes. */
static bool refuse(const char *option, const char *text, const char *wanted)
{
    (void)fprintf(stderr, "rig-line: --%s %s: %s\n", option, text, wanted);
    return false;
}

/* As option_number; false after a complaint. */
static bool read_number(const char *const *values, int option, uint64_t min, uint64_t max,
                        uint64_t *number)
{
    char wanted[80];
    if (option_number(values[option], min, max, number))
        return true;
    (void)snprintf(wanted, sizeof wanted, "a number from %" PRIu64 " to %" PRIu64 " is wanted", min,
                   max);
    return refuse(LONG_OPTIONS[option].name, values[option], wanted);
}

static bool read_faults(const char *text, struct line_options *options)
{
    char wanted[80];
    uint64_t count = 0;
    options->has_demo_faults = text != NULL && strcmp(text, "demo") == 0;
    if (text != NULL && !options->has_demo_faults && strcmp(text, "none") != 0 &&
        !option_number(text, 0, LINE_CHIPS_MAX, &count)) {
        (void)snprintf(wanted, sizeof wanted, "none, demo or a number up to %d is wanted",
                       LINE_CHIPS_MAX);
        return refuse("faults", text, wanted);
    }
    options->fault_count = (unsigned)count;
    return true;
}

static bool read_numbers(const char *const *values, struct line_options *options)
{
    uint64_t chips = 8;
    uint64_t sockets = 4;
    uint64_t retry = STATION_REST_RETRY_DEFAULT_MS / 1000;
    uint64_t seed = 1;
    if (!read_number(values, CHIPS, 1, LINE_CHIPS_MAX, &chips) ||
        !read_number(values, SOCKETS, 1, LINE_SOCKETS_MAX, &sockets) ||
        !read_number(values, RETRY, 0, 3600, &retry) ||
        !read_number(values, SEED, 0, UINT64_MAX, &seed))
        return false;
    options->chips = (unsigned)chips;
    options->sockets = (unsigned)sockets;
    options->rest.retry_ms = (int64_t)retry * 1000;
    options->seed = seed;
    return true;
}

/* The options that must be there, and the form of two of them. */
static bool check_texts(const char *const *values)
{
    for (int i = 0; i < NEEDED; i++) {
        if (values[i] == NULL) {
            (void)fprintf(stderr, "rig-line: --%s is missing\n", LONG_OPTIONS[i].name);
            return false;
        }
    }
    if (!name_is_valid(values[PRODUCT], STATION_PRODUCT_SIZE - 1))
        return refuse("product", values[PRODUCT], "this is no name of a product");
    if (strlen(values[PRODUCT_ID]) != 8)
        return refuse("product-id", values[PRODUCT_ID], "8 characters are wanted");
    return true;
}

static bool fill(const char *const *values, struct line_options *options)
{
    if (!check_texts(values))
        return false;
    options->rest = (struct station_rest_options){
        .url = values[URL], .ca = values[CA], .certificate = values[CERT], .key = values[KEY]};
    options->bin = values[BIN];
    options->product = values[PRODUCT];
    options->image = values[IMAGE];
    options->firmware = values[FIRMWARE];
    options->maker_key = values[ST_CA];
    options->product_id = values[PRODUCT_ID];
    options->dir = values[DIR];
    options->json = values[JSON];
    options->on_quota_spent = values[ON_QUOTA];
    return read_faults(values[FAULTS], options) && read_numbers(values, options);
}

bool line_options_read(int argc, char **argv, struct line_options *ret_options)
{
    const char *values[OPTIONS] = {NULL};
    struct line_options options = {.chips = 0};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", LONG_OPTIONS, NULL)) != -1) {
        if (option < 0 || option >= OPTIONS)
            break;
        values[option] = optarg;
    }
    bool is_parsed = option == -1 && optind == argc;
    if (option == -1 && optind < argc)
        (void)fprintf(stderr, "rig-line: \"%s\" is no option\n", argv[optind]);
    if (!is_parsed || !fill(values, &options)) {
        (void)fputs(USAGE, stderr);
        return false;
    }
    *ret_options = options;
    return true;
}
