/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Sums and names against what others say of them. Owns no state. */
#include "audit/verify_part.h"

#include <stddef.h>
#include <string.h>

#define ACCOUNT(verification, word, ...) \
    findings_add(&(verification)->replay.findings, RANK_ACCOUNT, (word), -1, __VA_ARGS__)

static const struct {
    const char *name;
    size_t offset;
} NUMBERS[] = {
    {"accepted", offsetof(struct export_account, accepted)},
    {"revoked", offsetof(struct export_account, revoked)},
    {"scrap allowance", offsetof(struct export_account, scrap_allowance)},
    {"scrap drawn", offsetof(struct export_account, scrap_drawn)},
    {"granted", offsetof(struct export_account, granted)},
    {"charged", offsetof(struct export_account, charged)},
    {"remaining", offsetof(struct export_account, remaining)},
    {"licensed", offsetof(struct export_account, licensed)},
    {"succeeded", offsetof(struct export_account, succeeded)},
    {"proven", offsetof(struct export_account, proven)},
    {"failed", offsetof(struct export_account, failed)},
    {"scrapped", offsetof(struct export_account, scrapped)},
    {"unreported", offsetof(struct export_account, unreported)},
};

static int64_t number_of(const struct export_account *account, size_t i)
{
    int64_t number = 0;
    memcpy(&number, (const char *)account + NUMBERS[i].offset, sizeof number);
    return number;
}

static void compare(struct verification *verification, const struct export_account *rows,
                    const struct export_account *leaves)
{
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        int64_t said = number_of(rows, i);
        int64_t found = number_of(leaves, i);
        if (said != found)
            ACCOUNT(verification, "ledger-account",
                    "Product %s, %s: the ledger's rows say %lld, the leaves say %lld.",
                    leaves->product, NUMBERS[i].name, (long long)said, (long long)found);
    }
}

void verify_accounts(struct verification *verification)
{
    const struct export_header *header = export_header(verification->file);
    const struct audit_report *report = verification->report;
    size_t matched = 0;
    for (size_t i = 0; i < header->account_count; i++) {
        const struct export_account *rows = &header->accounts[i];
        struct bytes name = bytes_of(rows->product, strlen(rows->product));
        uint32_t number = book_find_product(&verification->replay.book, name);
        if (number == POOL_NONE) {
            ACCOUNT(verification, "ledger-product",
                    "The ledger has a product %s that no leaf made.", rows->product);
            continue;
        }
        matched++;
        compare(verification, rows, &report->products[number].account);
    }
    if (matched < report->product_count)
        ACCOUNT(verification, "ledger-product",
                "The leaves made %zu products, and the ledger's rows have %zu of them.",
                report->product_count, matched);
}

void verify_authorities(struct verification *verification)
{
    struct audit_report *report = verification->report;
    const struct sha256 *pinned = verification->request->authorities;
    if (pinned == NULL)
        return;
    size_t governed = 0;
    report->authorities = AUDIT_HOLDS;
    for (size_t i = 0; i < report->product_count; i++) {
        const struct audit_product *product = &report->products[i];
        governed += product->is_governed ? 1 : 0;
        if (!product->is_governed || sha256_equal(&product->first_authorities, pinned))
            continue;
        report->authorities = AUDIT_FAILS;
        ACCOUNT(verification, "other-authorities",
                "The first policy of product %s names other authorities, or another number of "
                "them that must sign, than you did. Unless you named those of a later policy, "
                "somebody else made it.",
                product->account.product);
    }
    if (governed == 0) {
        report->authorities = AUDIT_FAILS;
        ACCOUNT(verification, "no-governed-product",
                "You named authorities, and no product of this journal is governed by any.");
    }
}
