/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The table of options, and getopt_long over the ones that a command takes. Owns no state. */
#include "cli/arguments.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "core/bytes.h"

#define ALWAYS_TAKEN        (OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_JSON))
#define FIRST_VALUE         256 /* getopt's answers for our options, above every character */
#define SUGGESTION_DISTANCE 2
#define USAGE_WIDTH         78

/* What the services take, checked here so that a wrong line never reaches them. */
#define NAME_BYTES   64
#define TEXT_BYTES   64
#define DETAIL_BYTES 256

struct option_row {
    const char *name;
    const char *value; /* how its value is called; NULL for a flag */
    const char *environment;
    const char *help;
};

static const struct option_row ROWS[OPTION_COUNT] = {
    [OPTION_HELP] = {"help", NULL, NULL, "explain this command"},
    [OPTION_JSON] = {"json", NULL, NULL, "print one JSON object, for machines"},
    [OPTION_SOCKET] = {"socket", "PATH", NULL, "the vault's admin socket"},
    [OPTION_CONFIG] = {"config", "FILE", NULL, "configuration that names the admin socket"},
    [OPTION_URL] = {"url", "URL", "PROVCTL_URL", "address of provisiond, https://HOST[:PORT]"},
    [OPTION_CA] = {"ca", "FILE", "PROVCTL_CA", "PEM, who signs the server's certificate"},
    [OPTION_CERT] = {"cert", "FILE", "PROVCTL_CERT", "PEM, this station's certificate"},
    [OPTION_KEY] = {"key", "FILE", "PROVCTL_KEY", "PEM, its private key, not encrypted"},
    [OPTION_TIMEOUT] = {"timeout", "SECONDS", NULL, "time for all attempts together (default 30)"},
    [OPTION_SITE] = {"site", "NAME", NULL, "name of this site, for ever in its journal"},
    [OPTION_OUT_DIR] = {"out-dir", "DIR", NULL,
                        "write checkpoint.pub.pem and transport.pub.pem there"},
    [OPTION_ANCHORS] = {"anchors", "FILE", NULL, "PEM, its devices' CAs (st-sfi: public keys)"},
    [OPTION_QUOTA] = {"quota", "N", NULL, "units granted to begin with"},
    [OPTION_PROFILE] = {"profile", "NAME", NULL, "form of the licenses: cms (default) or st-sfi"},
    [OPTION_ST_PRODUCT_ID] = {"st-product-id", "ID", NULL,
                              "chip ID and security counter, 8 hex digits"},
    [OPTION_ST_SIGNED] = {"st-signed", "PARTS", NULL,
                          "what ST's key signs: id-and-key (default), key"},
    [OPTION_ST_KDF_INFO] = {"st-kdf-info", "HEX", NULL, "shared info of the KDF, 1 to 64 bytes"},
    [OPTION_ST_KDF_LAYOUT] = {"st-kdf-layout", "KEY,IV,BYTES", NULL,
                              "offsets of key and IV, bytes of IV (0,16,12)"},
    [OPTION_ST_LICENSE_TYPE] = {"st-license-type", "TEXT", NULL,
                                "first 4 characters of a license (SFI.)"},
    [OPTION_ST_BOOT_VERSION] = {"st-boot-version", "N", NULL,
                                "minimum version of the first boot stage (0)"},
    [OPTION_ALLOW_SESSION_KEY_EXPOSURE] = {"allow-session-key-exposure", NULL, NULL,
                                           "let session keys be in this server's memory"},
    [OPTION_UNITS] = {"units", "N", NULL, "how many units"},
    [OPTION_PRODUCT] = {"product", "NAME", "PROVCTL_PRODUCT", "the product"},
    [OPTION_LABEL] = {"label", "TEXT", NULL, "the maker's version, e.g. 1.4.2"},
    [OPTION_FORMAT] = {"format", "NAME", NULL, "form of the image: cms (default) or st-sfi"},
    [OPTION_OPTION_BYTES] = {"option-bytes", "FILE", NULL,
                             "st-sfi: the chip's option bytes, 1 to 4096"},
    [OPTION_ADDRESS] = {"address", "ADDR", NULL, "st-sfi: FILE is a flat binary for this address"},
    [OPTION_EXTERNAL_FROM] = {"external-from", "ADDR", NULL,
                              "st-sfi: external flash from this address on"},
    [OPTION_CERTIFICATE] = {"certificate", "FILE", NULL, "PEM, the station's TLS certificate"},
    [OPTION_DEVICE_CERT] = {"device-cert", "FILE", NULL, "PEM chain of the device; - is stdin"},
    [OPTION_ST_CERTIFICATE] = {"st-certificate", "FILE", NULL,
                               "certificate as an ST chip gave it; - is stdin"},
    [OPTION_OUT] = {"out", "FILE", NULL, "file to write, whole or not at all"},
    [OPTION_IMAGE] = {"image", "DIGEST", NULL, "sha256:..., or latest (the default)"},
    [OPTION_LOT] = {"lot", "TEXT", NULL, "lot, for the record"},
    [OPTION_LINE] = {"line", "TEXT", NULL, "line, for the record"},
    [OPTION_WORK_ORDER] = {"work-order", "TEXT", NULL, "work order, for the record"},
    [OPTION_OPERATOR] = {"operator", "TEXT", NULL, "operator, for the record"},
    [OPTION_SOCKET_NAME] = {"socket-name", "TEXT", NULL,
                            "socket of the programmer, for the record"},
    [OPTION_CODE] = {"code", "TEXT", NULL, "the tool's error code"},
    [OPTION_DETAIL] = {"detail", "TEXT", NULL, "what happened, in words"},
    [OPTION_DEVICE_RECEIPT] = {"device-receipt", "FILE", NULL,
                               "DER, the device's signature over INSTALL_ID"},
    [OPTION_POLICY] = {"policy", "NAME", NULL, "a unit pays per-device (default) or per-license"},
    [OPTION_ATTEMPTS_MAX] = {"attempts-max", "N", NULL,
                             "license requests per device (default: no limit)"},
    [OPTION_SCRAP] = {"scrap", NULL, NULL, "add to the scrap allowance instead"},
    [OPTION_STATION] = {"station", "NAME", NULL, "one station (default: all together)"},
    [OPTION_PERIOD] = {"period", "TIME", NULL, "length of a period: 8h, 30m, 7d"},
    [OPTION_OFFSET] = {"offset", "TIME", NULL, "when the first period of a day begins, UTC (0h)"},
    [OPTION_SERIAL] = {"serial", "TEXT", NULL, "the device's serial number"},
    [OPTION_OLD_KEY] = {"old-key", "HEX", NULL, "SHA-256 of the old key's SubjectPublicKeyInfo"},
    [OPTION_NEW_KEY] = {"new-key", "HEX", NULL, "SHA-256 of the new key's SubjectPublicKeyInfo"},
    [OPTION_KIND] = {"kind", "NAME", NULL, "install, scrap, revoke, policy, rebind or override"},
    [OPTION_HSM] = {"hsm", "HEX", NULL, "the HSM's identity, as provctl status shows it"},
    [OPTION_SEQUENCE] = {"sequence", "N", NULL, "number of a policy or rebind, 1 for the first"},
    [OPTION_AUTHORITIES] = {"authorities", "FILE", NULL, "PEM, certificates of all who may sign"},
    [OPTION_THRESHOLD] = {"threshold", "N", NULL, "how many of them must sign"},
    [OPTION_NOT_BEFORE] = {"not-before", "TIME", NULL, "accepted from then on (RFC 3339, UTC)"},
    [OPTION_NOT_AFTER] = {"not-after", "TIME", NULL, "accepted until then (RFC 3339, UTC)"},
    [OPTION_ANCHOR] = {"anchor", "SIZE:ROOT", NULL, "what the HSM remembers, see provctl status"},
    [OPTION_HEAD] = {"head", "SIZE:ROOT", NULL, "what the ledger was found with, see there"},
    [OPTION_CHALLENGE] = {"challenge", "HEX", NULL, "a nonce of your own, 8 to 64 bytes"},
    [OPTION_PUBLIC_KEY] = {"key", "FILE", NULL, "PEM, the public checkpoint key"},
    [OPTION_SINCE] = {"since", "FILE", NULL, "an older checkpoint that you hold"},
    [OPTION_RECEIPT] = {"receipt", "FILE", NULL, "a license's receipt that you hold"},
    [OPTION_MES] = {"mes", "FILE", NULL, "CSV of what was shipped"},
    [OPTION_UNREPORTED_HOURS] = {"unreported-hours", "N", NULL,
                                 "flag installs unreported for longer (24)"},
    [OPTION_SHIFT] = {"shift", "HH:MM-HH:MM", NULL, "flag what was issued outside, UTC"},
    [OPTION_REISSUE_PERCENT] = {"reissue-percent", "N", NULL, "flag a higher rate of repeats (20)"},
    [OPTION_CSV] = {"csv", NULL, NULL, "print RFC 4180 CSV"},
};

/* Bytes of a text without control characters; 0 for an option that is another thing. */
static const size_t LINE_MAX_BYTES[OPTION_COUNT] = {
    [OPTION_LABEL] = TEXT_BYTES,    [OPTION_LOT] = TEXT_BYTES,
    [OPTION_LINE] = TEXT_BYTES,     [OPTION_WORK_ORDER] = TEXT_BYTES,
    [OPTION_OPERATOR] = TEXT_BYTES, [OPTION_SOCKET_NAME] = TEXT_BYTES,
    [OPTION_CODE] = TEXT_BYTES,     [OPTION_DETAIL] = DETAIL_BYTES,
    [OPTION_SERIAL] = TEXT_BYTES,
};

static bool form_takes(const struct arguments_form *form, size_t option)
{
    return ((form->required | form->optional | ALWAYS_TAKEN) & OPTION_BIT(option)) != 0;
}

static bool form_demands(const struct arguments_form *form, size_t option)
{
    return (form->required & OPTION_BIT(option)) != 0;
}

static void fill_getopt(const struct arguments_form *form, struct option *ret_long_options)
{
    size_t count = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (form_takes(form, i))
            ret_long_options[count++] =
                (struct option){.name = ROWS[i].name,
                                .has_arg = ROWS[i].value != NULL ? required_argument : no_argument,
                                .val = FIRST_VALUE + (int)i};
    }
    ret_long_options[count] = (struct option){0};
}

/* The nearest option of the form to a wrong one; NULL when none is near. */
static const char *nearest_option(const struct arguments_form *form, const char *wrong)
{
    const char *nearest = NULL;
    unsigned least = SUGGESTION_DISTANCE + 1;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        unsigned distance = form_takes(form, i) ? text_distance(wrong, ROWS[i].name) : least;
        if (distance < least) {
            least = distance;
            nearest = ROWS[i].name;
        }
    }
    return nearest;
}

static enum error fail_unknown(const struct arguments_form *form, const char *wrong,
                               struct failure *failure)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(wrong, "="), wrong);
    const char *nearest = nearest_option(form, name + strspn(name, "-"));
    if (nearest != NULL)
        return failure_set_usage(failure, "Unknown option %s; did you mean --%s?", name, nearest);
    return failure_set_usage(failure, "Unknown option %s. See provctl %s --help", name, form->name);
}

static enum error take_option(int answer, struct arguments *arguments, struct failure *failure)
{
    int option = answer - FIRST_VALUE;
    if (arguments->given[option] != NULL)
        return failure_set_usage(failure, "The option --%s is given twice", ROWS[option].name);
    arguments->given[option] = optarg != NULL ? optarg : "";
    return ERR_OK;
}

/* What getopt did not like; the wrong word is the one before optind, but for short options. */
static enum error fail_option(const struct arguments_form *form, int answer, const char *word,
                              struct failure *failure)
{
    const char short_option[] = {'-', (char)optopt, '\0'};
    if (answer == ':')
        return failure_set_usage(failure, "The option %s wants a value", word);
    if (optopt >= FIRST_VALUE)
        return failure_set_usage(failure, "The option --%s takes no value",
                                 ROWS[optopt - FIRST_VALUE].name);
    return fail_unknown(form, optopt != 0 ? short_option : word, failure);
}

static enum error take_options(const struct arguments_form *form, int argc, char **argv,
                               struct arguments *arguments, struct failure *failure)
{
    struct option long_options[OPTION_COUNT + 1];
    enum error e = ERR_OK;
    int answer = 0;
    fill_getopt(form, long_options);
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    while (e == ERR_OK && (answer = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
        if (answer == 'h')
            arguments->given[OPTION_HELP] = "";
        else if (answer >= FIRST_VALUE)
            e = take_option(answer, arguments, failure);
        else
            e = fail_option(form, answer, argv[optind - 1], failure);
    }
    return e;
}

static enum error take_operands(const struct arguments_form *form, int count, char **operands,
                                struct arguments *arguments, struct failure *failure)
{
    unsigned given = count > 0 ? (unsigned)count : 0;
    if (given > form->operand_count)
        return failure_set_usage(failure, "Unexpected argument %s. See provctl %s --help",
                                 operands[form->operand_count], form->name);
    if (given < form->operand_count)
        return failure_set_usage(failure, "Missing argument: provctl %s %s", form->name,
                                 form->operands);
    for (unsigned i = 0; i < given; i++)
        arguments->operands[i] = operands[i];
    return ERR_OK;
}

enum error arguments_demand(const struct arguments *arguments, option_mask mask,
                            struct failure *failure)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if ((mask & OPTION_BIT(i)) == 0 || arguments_get(arguments, (enum option_id)i) != NULL)
            continue;
        if (ROWS[i].environment != NULL)
            return failure_set_usage(failure, "The option --%s %s is missing (or set %s)",
                                     ROWS[i].name, ROWS[i].value, ROWS[i].environment);
        return failure_set_usage(failure, "The option --%s %s is missing", ROWS[i].name,
                                 ROWS[i].value);
    }
    return ERR_OK;
}

static enum error fail_name(const char *what, const char *text, struct failure *failure)
{
    return failure_set_usage(failure,
                             "%s is not a name: \"%.100s\". A name is 1 to %d of A-Z a-z 0-9 . _ - "
                             "and begins with a letter or a digit",
                             what, text, NAME_BYTES);
}

static enum error check_line(size_t option, const char *text, struct failure *failure)
{
    const char *name = ROWS[option].name;
    if (strlen(text) > LINE_MAX_BYTES[option])
        return failure_set_usage(failure, "--%s is at most %zu bytes", name,
                                 LINE_MAX_BYTES[option]);
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == '\x7f')
            return failure_set_usage(failure, "--%s holds a control character", name);
    }
    return ERR_OK;
}

/* An operand that is called "PRODUCT" or "NAME" is a name as well. */
static enum error check_operands(const struct arguments_form *form,
                                 const struct arguments *arguments, struct failure *failure)
{
    const char *word = form->operands;
    for (unsigned i = 0; i < form->operand_count; i++) {
        char called[16];
        size_t length = strcspn(word, " ");
        (void)snprintf(called, sizeof called, "%.*s", (int)length, word);
        bool is_name = strcmp(called, "NAME") == 0 || strcmp(called, "PRODUCT") == 0;
        if (is_name && !name_is_valid(arguments->operands[i], NAME_BYTES))
            return fail_name(called, arguments->operands[i], failure);
        word += length + (word[length] == ' ');
    }
    return ERR_OK;
}

/* From the line or from the environment; the failure says which. */
static enum error check_name(size_t option, const struct arguments *arguments,
                             struct failure *failure)
{
    char called[40];
    const char *text = arguments_get(arguments, (enum option_id)option);
    if (text == NULL || name_is_valid(text, NAME_BYTES))
        return ERR_OK;
    (void)snprintf(called, sizeof called, "--%s", ROWS[option].name);
    bool is_given = arguments_has(arguments, (enum option_id)option);
    return fail_name(is_given ? called : ROWS[option].environment, text, failure);
}

static enum error check_values(const struct arguments_form *form, const struct arguments *arguments,
                               struct failure *failure)
{
    enum error e = check_operands(form, arguments, failure);
    for (size_t i = 0; i < OPTION_COUNT && e == ERR_OK; i++) {
        bool is_name = i == OPTION_PRODUCT || i == OPTION_SITE || i == OPTION_STATION;
        if (is_name && form_takes(form, i))
            e = check_name(i, arguments, failure);
        else if (arguments->given[i] != NULL && LINE_MAX_BYTES[i] > 0)
            e = check_line(i, arguments->given[i], failure);
    }
    return e;
}

enum error arguments_parse(const struct arguments_form *form, int argc, char **argv,
                           struct arguments *ret_arguments, struct failure *failure)
{
    struct arguments arguments = {0};
    enum error e = take_options(form, argc, argv, &arguments, failure);
    if (e == ERR_OK && !arguments_has(&arguments, OPTION_HELP)) {
        e = take_operands(form, argc - optind, argv + optind, &arguments, failure);
        if (e == ERR_OK)
            e = arguments_demand(&arguments, form->required, failure);
        if (e == ERR_OK)
            e = check_values(form, &arguments, failure);
    }
    if (e == ERR_OK)
        *ret_arguments = arguments;
    return e;
}

const char *arguments_name(enum option_id option)
{
    return ROWS[option].name;
}

bool arguments_has(const struct arguments *arguments, enum option_id option)
{
    return arguments->given[option] != NULL;
}

const char *arguments_get(const struct arguments *arguments, enum option_id option)
{
    const char *value = arguments->given[option];
    if (value == NULL && ROWS[option].environment != NULL) {
        value = getenv(ROWS[option].environment);
        if (value != NULL && value[0] == '\0')
            value = NULL;
    }
    return value;
}

const char *arguments_get_or(const struct arguments *arguments, enum option_id option,
                             const char *otherwise)
{
    const char *value = arguments_get(arguments, option);
    return value != NULL ? value : otherwise;
}

enum error arguments_get_number(const struct arguments *arguments, enum option_id option,
                                int64_t min, int64_t max, int64_t *ret_number,
                                struct failure *failure)
{
    const char *text = arguments_get_or(arguments, option, "");
    if (text_parse_number(text, min, max, ret_number))
        return ERR_OK;
    return failure_set_usage(failure, "--%s wants a whole number from %" PRId64 " to %" PRId64,
                             ROWS[option].name, min, max);
}

static void format_option(size_t option, char *out, size_t size)
{
    const char *value = ROWS[option].value;
    (void)snprintf(out, size, "--%s%s%s", ROWS[option].name, value != NULL ? " " : "",
                   value != NULL ? value : "");
}

void arguments_print_options(const struct arguments_form *form, FILE *out)
{
    char left[64];
    size_t width = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        format_option(i, left, sizeof left);
        if (form_takes(form, i) && strlen(left) > width)
            width = strlen(left);
    }
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!form_takes(form, i))
            continue;
        format_option(i, left, sizeof left);
        (void)fprintf(out, "  %-*s  %s", (int)width, left, ROWS[i].help);
        if (ROWS[i].environment != NULL)
            (void)fprintf(out, " [%s]", ROWS[i].environment);
        (void)fputc('\n', out);
    }
}

/* Prints one word of the usage line, on a new line where it would not fit. */
static void print_wrapped(FILE *out, const char *word, size_t *column)
{
    size_t length = strlen(word);
    if (*column + 1 + length > USAGE_WIDTH) {
        (void)fputs("\n       ", out);
        *column = 7;
    }
    (void)fprintf(out, " %s", word);
    *column += 1 + length;
}

void arguments_print_usage(const struct arguments_form *form, FILE *out)
{
    char option[64];
    char word[68];
    size_t column = strlen("Usage:");
    print_wrapped(out, "provctl", &column);
    print_wrapped(out, form->name, &column);
    for (size_t i = OPTION_SOCKET; i < OPTION_COUNT; i++) {
        if (!form_takes(form, i))
            continue;
        format_option(i, option, sizeof option);
        (void)snprintf(word, sizeof word, form_demands(form, i) ? "%s" : "[%s]", option);
        print_wrapped(out, word, &column);
    }
    if (form->operands[0] != '\0')
        print_wrapped(out, form->operands, &column);
    (void)fputc('\n', out);
}
