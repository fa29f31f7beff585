/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Set-up and claims. */
#include "admin_case.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jansson.h>

struct temp_dir dir;
struct vault_double vault;
struct provctl run;

static uint8_t digest_bytes[32];
ProtobufCBinaryData digest = {.data = digest_bytes, .len = sizeof digest_bytes};

void admin_case_set_up(void)
{
    for (size_t i = 0; i < sizeof digest_bytes; i++)
        digest_bytes[i] = (uint8_t)(i % 16 * 0x11);
    (void)unsetenv("PROVCTL_URL");
    (void)unsetenv("PROVCTL_PRODUCT");
    temp_dir_make(&dir);
    vault_start(&vault, &dir);
}

void admin_case_tear_down(void)
{
    vault_stop(&vault);
    temp_dir_remove(&dir);
}

void say_fault(enum error code, const char *reason, const char *detail)
{
    static Provisiond__FaultMessage fault = PROVISIOND__FAULT_MESSAGE__INIT;
    static Provisiond__AdminReply reply = PROVISIOND__ADMIN_REPLY__INIT;
    fault.code = code;
    fault.reason = (char *)reason;
    fault.detail = (char *)detail;
    reply.fault = &fault;
    vault.reply = &reply;
}

void claim_done(const char *output)
{
    ck_assert_msg(run.exit == 0, "exit %d: %s", run.exit, run.err);
    ck_assert_str_eq(run.err, "");
    ck_assert_str_eq(run.out, output);
}

void claim_failed(int exit, const char *words)
{
    ck_assert_msg(run.exit == exit, "exit %d: %s", run.exit, run.err);
    ck_assert_msg(strstr(run.err, words) != NULL, "%s", run.err);
    ck_assert_ptr_eq(strchr(run.err, '\n'), run.err + strlen(run.err) - 1);
}

void claim_json(json_t *expected)
{
    json_t *found = json_loads(run.out, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_msg(run.exit == 0, "exit %d: %s", run.exit, run.err);
    ck_assert_ptr_nonnull(expected);
    ck_assert_msg(json_equal(found, expected), "%s", run.out);
    json_decref(found);
    json_decref(expected);
}
