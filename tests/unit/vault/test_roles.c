/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who may ask what on the station socket: every operation as every role, as somebody unknown and as
 * somebody disabled. The table here is written from the contract, not from the vault's own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "support/run.h"
#include "vault_rig.h"

#define ROLES 5

static struct vault_rig rig;
static struct sha256 callers[ROLES];

static const char *const ROLE_NAMES[ROLES] = {"station", "operator", "auditor", "administrator",
                                              "metrics"};

static void set_up(void)
{
    vault_rig_make(&rig);
    vault_rig_start(&rig);
    for (int i = 0; i < ROLES; i++)
        callers[i] = vault_rig_enrol(&rig, ROLE_NAMES[i], (Provisiond__Role)(i + 1), NULL, NULL);
}

static void tear_down(void)
{
    vault_rig_remove(&rig);
}

/* An empty question of each kind; init functions set the defaults. */
#define QUESTION(member, type, OP, who)                                                    \
    {                                                                                      \
        PROVISIOND__STATION_REQUEST__OP_##OP,                                              \
            &(Provisiond__##type##Request)PROVISIOND__##OP##_REQUEST__INIT, #member, (who) \
    }

static const struct question {
    Provisiond__StationRequest__OpCase op;
    void *body;
    const char *name;
    const char *who; /* s o a d m */
} QUESTIONS[] = {
    QUESTION(license, License, LICENSE, "s"),
    QUESTION(license_batch, LicenseBatch, LICENSE_BATCH, "s"),
    QUESTION(outcome, Outcome, OUTCOME, "s"),
    QUESTION(usage, Usage, USAGE, "soad"),
    QUESTION(usage_by, UsageBy, USAGE_BY, "oad"),
    QUESTION(image_content, ImageContent, IMAGE_CONTENT, "sod"),
    QUESTION(image_read, ImageRead, IMAGE_READ, "soad"),
    QUESTION(install_list, InstallList, INSTALL_LIST, "soad"),
    QUESTION(receipt, Receipt, RECEIPT, "soad"),
    QUESTION(product_read, ProductRead, PRODUCT_READ, "soad"),
    QUESTION(policy_read, PolicyRead, POLICY_READ, "soad"),
    QUESTION(grant_read, GrantRead, GRANT_READ, "oad"),
    QUESTION(grant_apply, GrantApply, GRANT_APPLY, "od"),
    QUESTION(principal_list, PrincipalList, PRINCIPAL_LIST, "oad"),
    QUESTION(self, Self, SELF, "soadm"),
    QUESTION(checkpoint, Checkpoint, CHECKPOINT, "soad"),
    QUESTION(tile, Tile, TILE, "soad"),
    QUESTION(journal_key, JournalKey, JOURNAL_KEY, "soad"),
    QUESTION(metrics, Metrics, METRICS, "odm"),
};
#define QUESTION_COUNT (sizeof QUESTIONS / sizeof QUESTIONS[0])

static Provisiond__StationReply *ask(const struct question *question, const struct sha256 *caller)
{
    Provisiond__StationRequest request = PROVISIOND__STATION_REQUEST__INIT;
    request.op_case = question->op;
    request.license = question->body; /* the members of the union are all pointers */
    return vault_rig_ask(&rig, caller, &request);
}

/* Who the caller is, and all who may: by the letters of the table. */
static void check_sentence(const char *detail, const char *who, int role)
{
    static const char *const singular[ROLES] = {"a station", "an operator", "an auditor",
                                                "an administrator", "a reader of metrics"};
    static const char *const plural[ROLES] = {"stations", "operators", "auditors", "administrators",
                                              "readers of metrics"};
    char begin[64];
    (void)snprintf(begin, sizeof begin, "The caller is %s; only ", singular[role]);
    ck_assert_msg(strncmp(detail, begin, strlen(begin)) == 0, "%s", detail);
    for (int i = 0; i < ROLES; i++)
        ck_assert_msg((strstr(detail, plural[i]) != NULL) == (strchr(who, "soadm"[i]) != NULL),
                      "%s: %s", who, detail);
}

static void check_role(const struct question *question, int role)
{
    Provisiond__StationReply *reply = ask(question, &callers[role]);
    bool is_refused = reply->fault->code == ERR_FORBIDDEN;
    bool may = strchr(question->who, "soadm"[role]) != NULL;
    ck_assert_msg(is_refused != may, "%s as %s: %s %s", question->name, ROLE_NAMES[role],
                  error_name((enum error)reply->fault->code), reply->fault->reason);
    if (is_refused) {
        ck_assert_str_eq(reply->fault->reason, "role-not-allowed");
        check_sentence(reply->fault->detail, question->who, role);
        ck_assert_int_eq(reply->result_case, PROVISIOND__STATION_REPLY__RESULT__NOT_SET);
    }
    vault_rig_free(reply);
}

START_TEST(each_role_may_do_what_the_contract_says_and_nothing_else)
{
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        for (int role = 0; role < ROLES; role++)
            check_role(&QUESTIONS[i], role);
    }
}
END_TEST

/* One more operation in vault.proto must get its row here. */
START_TEST(every_operation_of_the_message_is_in_the_table)
{
    const ProtobufCMessageDescriptor *message = &provisiond__station_request__descriptor;
    for (unsigned i = 0; i < message->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->fields[i];
        bool is_found = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0 ||
                        field->id == PROVISIOND__STATION_REQUEST__OP_READY;
        for (size_t j = 0; j < QUESTION_COUNT; j++)
            is_found = is_found || field->id == (unsigned)QUESTIONS[j].op;
        ck_assert_msg(is_found, "%s", field->name);
    }
}
END_TEST

static void expect_all(const struct sha256 *caller, enum error code, const char *reason)
{
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        Provisiond__StationReply *reply = ask(&QUESTIONS[i], caller);
        vault_rig_expect(reply, code, reason);
        vault_rig_free(reply);
    }
}

START_TEST(nobody_unknown_does_anything)
{
    const struct sha256 unknown = {{1, 2, 3}};
    expect_all(&unknown, ERR_FORBIDDEN, "principal-unknown");
    expect_all(NULL, ERR_BAD_REQUEST, "caller_spki");
}
END_TEST

START_TEST(who_is_disabled_does_nothing_from_the_next_request_on)
{
    for (int i = 0; i < ROLES; i++) {
        vault_rig_enable(&rig, ROLE_NAMES[i], false);
        expect_all(&callers[i], ERR_FORBIDDEN, "principal-disabled");
        vault_rig_enable(&rig, ROLE_NAMES[i], true);
        check_role(&QUESTIONS[3], i);
    }
}
END_TEST

START_TEST(image_by_its_alias_is_for_stations_only)
{
    Provisiond__StationRequest request = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__ImageContentRequest asked = PROVISIOND__IMAGE_CONTENT_REQUEST__INIT;
    static char alias[] = "fw";
    asked.alias = alias;
    request.op_case = PROVISIOND__STATION_REQUEST__OP_IMAGE_CONTENT;
    request.image_content = &asked;
    Provisiond__StationReply *reply = vault_rig_ask(&rig, &callers[0], &request);
    vault_rig_expect(reply, ERR_IMAGE_UNKNOWN, "alias-unknown");
    vault_rig_free(reply);
    reply = vault_rig_ask(&rig, &callers[1], &request);
    vault_rig_expect(reply, ERR_FORBIDDEN, "role-not-allowed");
    vault_rig_free(reply);
}
END_TEST

START_TEST(who_asks_for_himself_gets_himself)
{
    const struct question self = QUESTION(self, Self, SELF, "soadm");
    for (int i = 0; i < ROLES; i++) {
        Provisiond__StationReply *reply = ask(&self, &callers[i]);
        const Provisiond__PrincipalEntry *entry = reply->self->principal;
        ck_assert_str_eq(entry->name, ROLE_NAMES[i]);
        ck_assert_int_eq((int)entry->role, i + 1);
        ck_assert_uint_eq(entry->n_keys, 1);
        ck_assert_mem_eq(entry->keys[0]->spki.data, callers[i].bytes, SHA256_SIZE);
        vault_rig_free(reply);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_role_may_do_what_the_contract_says_and_nothing_else,
        every_operation_of_the_message_is_in_the_table,
        nobody_unknown_does_anything,
        who_is_disabled_does_nothing_from_the_next_request_on,
        image_by_its_alias_is_for_stations_only,
        who_asks_for_himself_gets_himself,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "roles",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 120,
                                        .tests = tests});
}
