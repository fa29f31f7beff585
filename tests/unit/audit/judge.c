/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The calls of audit_verify. */
#include "judge.h"

#include <stdio.h>
#include <string.h>

#include <check.h>

void judge_init(struct judge *judge)
{
    memset(judge, 0, sizeof *judge);
    temp_dir_make(&judge->dir);
    temp_dir_path(&judge->dir, "export", judge->path);
    maker_init(&judge->maker, &judge->dir);
    judge->request =
        (struct audit_request){.path = judge->path, .key_pem = judge->maker.signer.pem};
}

void judge_clear(struct judge *judge)
{
    audit_report_clear(&judge->report);
    maker_clear(&judge->maker);
    temp_dir_remove(&judge->dir);
}

void judge_run(struct judge *judge)
{
    maker_write(&judge->maker, judge->path);
    audit_report_clear(&judge->report);
    judge->error = audit_verify(&judge->request, &judge->report, &judge->fault);
}

void judge_seal_and_run(struct judge *judge)
{
    maker_seal(&judge->maker);
    judge_run(judge);
}

void judge_settle_and_run(struct judge *judge)
{
    judge_seal_and_run(judge);
    ck_assert_int_eq(judge->error, ERR_OK);
    for (size_t i = 0; i < judge->report.product_count; i++) {
        struct export_account account = judge->report.products[i].account;
        if (account.remaining < 0) /* rows cannot say so */
            account.remaining = 0;
        *maker_account(&judge->maker, account.product) = account;
    }
    judge_run(judge);
}

const struct audit_finding *judge_find(const struct judge *judge, const char *word)
{
    for (size_t i = 0; i < judge->report.finding_count; i++) {
        if (strcmp(judge->report.findings[i].word, word) == 0)
            return &judge->report.findings[i];
    }
    return NULL;
}

int64_t judge_count(const struct judge *judge, const char *word)
{
    for (size_t i = 0; i < judge->report.kind_count; i++) {
        if (strcmp(judge->report.kinds[i].word, word) == 0)
            return judge->report.kinds[i].count;
    }
    return 0;
}

const char *judge_text(const struct judge *judge)
{
    static char text[16384];
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < judge->report.finding_count && used < sizeof text - 512; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "\n  %s: %s",
                                 judge->report.findings[i].word, judge->report.findings[i].text);
    return text;
}
