/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The options and operands of one command, parsed once and then immutable.
 *
 * One table names every option of every command; a command says with two masks which it demands
 * and which it takes. An option may be given once. Five have a default from the environment: they
 * name files, an address and a product, never a secret. Threads: immutable after arguments_parse.
 */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/failure.h"

#define ARGUMENTS_OPERANDS_MAX 2

enum option_id {
    OPTION_HELP,
    OPTION_JSON,
    OPTION_SOCKET,
    OPTION_CONFIG,
    OPTION_URL,
    OPTION_CA,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_TIMEOUT,
    OPTION_SITE,
    OPTION_OUT_DIR,
    OPTION_ANCHORS,
    OPTION_QUOTA,
    OPTION_PROFILE,
    OPTION_ST_PRODUCT_ID,
    OPTION_ST_SIGNED,
    OPTION_ST_KDF_INFO,
    OPTION_ST_KDF_LAYOUT,
    OPTION_ST_LICENSE_TYPE,
    OPTION_ST_BOOT_VERSION,
    OPTION_ALLOW_SESSION_KEY_EXPOSURE,
    OPTION_UNITS,
    OPTION_PRODUCT,
    OPTION_LABEL,
    OPTION_FORMAT,
    OPTION_OPTION_BYTES,
    OPTION_ADDRESS,
    OPTION_EXTERNAL_FROM,
    OPTION_CERTIFICATE,
    OPTION_DEVICE_CERT,
    OPTION_ST_CERTIFICATE,
    OPTION_OUT,
    OPTION_IMAGE,
    OPTION_LOT,
    OPTION_LINE,
    OPTION_WORK_ORDER,
    OPTION_OPERATOR,
    OPTION_SOCKET_NAME,
    OPTION_CODE,
    OPTION_DETAIL,
    OPTION_DEVICE_RECEIPT,
    OPTION_POLICY,
    OPTION_ATTEMPTS_MAX,
    OPTION_SCRAP,
    OPTION_STATION,
    OPTION_PERIOD,
    OPTION_OFFSET,
    OPTION_SERIAL,
    OPTION_OLD_KEY,
    OPTION_NEW_KEY,
    OPTION_KIND,
    OPTION_HSM,
    OPTION_SEQUENCE,
    OPTION_AUTHORITIES,
    OPTION_THRESHOLD,
    OPTION_NOT_BEFORE,
    OPTION_NOT_AFTER,
    OPTION_ANCHOR,
    OPTION_HEAD,
    OPTION_CHALLENGE,
    OPTION_PUBLIC_KEY,
    OPTION_SINCE,
    OPTION_RECEIPT,
    OPTION_MES,
    OPTION_UNREPORTED_HOURS,
    OPTION_SHIFT,
    OPTION_REISSUE_PERCENT,
    OPTION_CSV,
    OPTION_COUNT
};

__extension__ typedef unsigned __int128 option_mask;

static_assert(OPTION_COUNT <= 128, "a mask has one bit for each option");

#define OPTION_BIT(option) ((option_mask)1 << (option))

/* What a command takes. */
struct arguments_form {
    const char *name;     /* the words of the command, for messages */
    const char *operands; /* "PRODUCT DIGEST"; "" for none */
    unsigned operand_count;
    option_mask required;
    option_mask optional; /* --help and --json are always taken */
};

struct arguments {
    const char *given[OPTION_COUNT]; /* from the command line; NULL when absent, "" for a flag */
    const char *operands[ARGUMENTS_OPERANDS_MAX];
};

/*
 * Parses what follows the words of the command; argv[0] stands for them. The texts are borrowed
 * from argv. A wrong line is a usage failure that names the option and the nearest known one; so is
 * a name or a text that no service would take.
 * With --help nothing is demanded. argv is reordered, as getopt does.
 */
enum error arguments_parse(const struct arguments_form *form, int argc, char **argv,
                           struct arguments *ret_arguments, struct failure *failure) MUST_USE;

/* How the option is written, without its dashes. */
const char *arguments_name(enum option_id option);
/* True when the option stands on the command line. */
bool arguments_has(const struct arguments *arguments, enum option_id option);
/* The value, from the command line or else the environment; NULL when there is none. */
const char *arguments_get(const struct arguments *arguments, enum option_id option);
/* As arguments_get with a default. */
const char *arguments_get_or(const struct arguments *arguments, enum option_id option,
                             const char *otherwise);
/* A whole number between min and max; a usage failure otherwise. */
enum error arguments_get_number(const struct arguments *arguments, enum option_id option,
                                int64_t min, int64_t max, int64_t *ret_number,
                                struct failure *failure) MUST_USE;

/* A usage failure that names the first option of the mask that has no value. */
enum error arguments_demand(const struct arguments *arguments, option_mask mask,
                            struct failure *failure) MUST_USE;

/* Prints the options of a form, one line each. */
void arguments_print_options(const struct arguments_form *form, FILE *out);
/* Prints the line "--quota N [--profile NAME]" of a form, wrapped, to stand behind "Usage:". */
void arguments_print_usage(const struct arguments_form *form, FILE *out);

#endif
