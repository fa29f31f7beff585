/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Every option of every command, once: its name, its value, its words in the help.
 *
 * Two options may have the same name when no command takes both; what they mean is told apart by
 * the command. Threads: constants.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

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
    OPTION_DEVICE_KEYS,
    OPTION_DEVICE_VALIDITY,
    OPTION_ACCEPT_SIGN_ONLY,
    OPTION_SUIT_KEY_WRAP,
    OPTION_MCUBOOT_SHA512,
    OPTION_UNITS,
    OPTION_PRODUCT,
    OPTION_LABEL,
    OPTION_FORMAT,
    OPTION_CONTENT,
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
    OPTION_SCOPE_PRODUCT,
    OPTION_SCOPE_LINE,
    OPTION_ALL_PRODUCTS,
    OPTION_ALL_LINES,
    OPTION_ISSUER,
    OPTION_ISSUER_KEY,
    OPTION_DAYS,
    OPTION_NEW_DIR,
    OPTION_CA_NAME,
    OPTION_SERVER,
    OPTION_OF_LOT,
    OPTION_OF_STATION,
    OPTION_DEVICE,
    OPTION_RESULT,
    OPTION_FROM_TIME,
    OPTION_UNTIL_TIME,
    OPTION_LIMIT,
    OPTION_ALL,
    OPTION_CURSOR,
    OPTION_BY,
    OPTION_NO_RETRY,
    OPTION_DOCUMENT_OUT,
    OPTION_ANCHORS_OUT,
    OPTION_RECIPIENT,
    OPTION_BACKUP_IN,
    OPTION_BACKUP_CERT,
    OPTION_BACKUP_KEY,
    OPTION_RESTORE_TO,
    OPTION_CHECKPOINT_KEY,
    OPTION_STANDBY,
    OPTION_TRANSPORT_KEY,
    OPTION_WITHDRAW,
    OPTION_STANDBY_KEY,
    OPTION_IDENTITY,
    OPTION_TO_STANDBY,
    OPTION_IMAGES,
    OPTION_OFFICER,
    OPTION_WITNESS,
    OPTION_TRANSCRIPT,
    OPTION_HSM_CONFIG,
    OPTION_MODULE,
    OPTION_TOKEN,
    OPTION_MODULE_ARGUMENTS,
    OPTION_PIN_FILE,
    OPTION_RUN_AS,
    OPTION_TRIAL_TIMEOUT,
    OPTION_NO_SPEEDS,
    OPTION_GENERATION,
    OPTION_NO_BACKUP_BEFORE,
    OPTION_YES,
    OPTION_OF_PRODUCT,
    OPTION_SUCCESSOR,
    OPTION_DESTROY_KEYS,
    OPTION_COUNT
};

/*
 * A list of options: as OPTIONS(OPTION_JSON, ADMIN_OPTIONS), of ids and of macros that are some. It
 * ends with OPTION_COUNT and lives as long as any literal; NULL is the empty one.
 */
#define OPTIONS(...) ((const enum option_id[]){__VA_ARGS__, OPTION_COUNT})

bool options_have(const enum option_id *options, size_t option);

struct option_row {
    const char *name;
    const char *value; /* how its value is called; NULL for a flag */
    const char *environment;
    const char *help;
};

extern const struct option_row OPTION_ROWS[OPTION_COUNT];

/* Bytes of a text without control characters; 0 for an option that is another thing. */
extern const size_t OPTION_LINE_MAX_BYTES[OPTION_COUNT];

/* It may be given again: its values make a list. */
bool option_makes_list(size_t option);

/* "--quota N", or "--json" for a flag. Cut when it does not fit. */
void option_format(size_t option, char *out, size_t size);

#endif
