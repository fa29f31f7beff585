/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The table of the station socket. Owns no state. */
#include "vault/station_roles.h"

#include <stdio.h>

#define ANYBODY       0U
#define STATION       (1U << LEDGER_STATION)
#define OPERATOR      (1U << LEDGER_OPERATOR)
#define AUDITOR       (1U << LEDGER_AUDITOR)
#define ADMINISTRATOR (1U << LEDGER_ADMINISTRATOR)
#define METRICS       (1U << LEDGER_METRICS)
#define PEOPLE        (OPERATOR | AUDITOR | ADMINISTRATOR)
#define READERS       (STATION | PEOPLE)

static const struct station_row ROWS[] = {
    {"license", station_license, PROVISIOND__STATION_REQUEST__OP_LICENSE, STATION},
    {"license-batch", station_license_batch, PROVISIOND__STATION_REQUEST__OP_LICENSE_BATCH,
     STATION},
    {"outcome", station_outcome, PROVISIOND__STATION_REQUEST__OP_OUTCOME, STATION},
    {"usage", station_usage, PROVISIOND__STATION_REQUEST__OP_USAGE, READERS},
    {"usage-by", station_usage_by, PROVISIOND__STATION_REQUEST__OP_USAGE_BY, PEOPLE},
    {"image-content", station_image_content, PROVISIOND__STATION_REQUEST__OP_IMAGE_CONTENT,
     STATION | OPERATOR | ADMINISTRATOR},
    {"image-read", station_image_read, PROVISIOND__STATION_REQUEST__OP_IMAGE_READ, READERS},
    {"install-list", station_install_list, PROVISIOND__STATION_REQUEST__OP_INSTALL_LIST, READERS},
    {"receipt", station_receipt, PROVISIOND__STATION_REQUEST__OP_RECEIPT, READERS},
    {"product-read", station_product_read, PROVISIOND__STATION_REQUEST__OP_PRODUCT_READ, READERS},
    {"policy-read", station_policy_read, PROVISIOND__STATION_REQUEST__OP_POLICY_READ, READERS},
    {"grant-read", station_grant_read, PROVISIOND__STATION_REQUEST__OP_GRANT_READ, PEOPLE},
    {"grant-apply", station_grant_apply, PROVISIOND__STATION_REQUEST__OP_GRANT_APPLY,
     OPERATOR | ADMINISTRATOR},
    {"principal-list", station_principal_list, PROVISIOND__STATION_REQUEST__OP_PRINCIPAL_LIST,
     PEOPLE},
    {"self", station_self, PROVISIOND__STATION_REQUEST__OP_SELF, READERS | METRICS},
    {"checkpoint", station_checkpoint, PROVISIOND__STATION_REQUEST__OP_CHECKPOINT, READERS},
    {"tile", station_tile, PROVISIOND__STATION_REQUEST__OP_TILE, READERS},
    {"journal-key", station_journal_key, PROVISIOND__STATION_REQUEST__OP_JOURNAL_KEY, READERS},
    {"metrics", station_metrics, PROVISIOND__STATION_REQUEST__OP_METRICS,
     METRICS | OPERATOR | ADMINISTRATOR},
    {"ready", station_ready, PROVISIOND__STATION_REQUEST__OP_READY, ANYBODY},
};

const struct station_row *station_row_find(Provisiond__StationRequest__OpCase op)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        if (ROWS[i].op == op)
            return &ROWS[i];
    }
    return NULL;
}

bool station_role_may(const struct station_row *row, enum ledger_role role)
{
    return (row->roles & 1U << role) != 0;
}

/* ---- what is said of it: words of two tables ---- */

static const char *const CALLERS[] = {
    [LEDGER_STATION] = "a station",           [LEDGER_OPERATOR] = "an operator",
    [LEDGER_AUDITOR] = "an auditor",          [LEDGER_ADMINISTRATOR] = "an administrator",
    [LEDGER_METRICS] = "a reader of metrics",
};

static const struct {
    unsigned roles;
    const char *words;
} GROUPS[] = {
    {STATION, "stations"},
    {READERS, "stations, operators, auditors and administrators"},
    {PEOPLE, "operators, auditors and administrators"},
    {STATION | OPERATOR | ADMINISTRATOR, "stations, operators and administrators"},
    {OPERATOR | ADMINISTRATOR, "operators and administrators"},
    {METRICS | OPERATOR | ADMINISTRATOR, "readers of metrics, operators and administrators"},
};

static const char *words_of(unsigned roles)
{
    for (size_t i = 0; i < sizeof GROUPS / sizeof GROUPS[0]; i++) {
        if (GROUPS[i].roles == roles)
            return GROUPS[i].words;
    }
    return "callers of another role";
}

enum error station_refuse_role(unsigned roles, enum ledger_role role, struct fault *fault)
{
    char sentence[FAULT_DETAIL_SIZE];
    bool is_role = role >= LEDGER_STATION && role <= LEDGER_METRICS;
    (void)snprintf(sentence, sizeof sentence, "The caller is %s; only %s may do this.",
                   is_role ? CALLERS[role] : "of another role", words_of(roles));
    return fault_set(fault, ERR_FORBIDDEN, "role-not-allowed", sentence, 0);
}
