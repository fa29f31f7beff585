/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Principals on the admin socket: enrolled, listed, narrowed, disabled, given new keys. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "support/run.h"
#include "vault_rig.h"

static struct vault_rig rig;

static void set_up(void)
{
    vault_rig_make(&rig);
    vault_rig_start(&rig);
}

static void tear_down(void)
{
    vault_rig_remove(&rig);
}

static char *text(const char *literal)
{
    return (char *)(uintptr_t)literal;
}

static ProtobufCBinaryData data_of(const void *bytes, size_t length)
{
    return (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)bytes};
}

/* ---- questions ---- */

static void add(const char *name, Provisiond__Role role, char **products, size_t count,
                enum error expected)
{
    struct pki *client = pki_client(rig.maker, "client");
    const char *pem = pki_certificate(client);
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__PrincipalAddRequest asked = PROVISIOND__PRINCIPAL_ADD_REQUEST__INIT;
    asked.name = text(name);
    asked.role = role;
    asked.certificate = data_of(pem, strlen(pem));
    asked.products = products;
    asked.n_products = count;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_ADD;
    request.principal_add = &asked;
    vault_admin_reply_free(vault_rig_administer(&rig, &request, -1, expected));
    pki_free(client);
}

static Provisiond__AdminReply *list(const char *name, Provisiond__Role role, enum error expected)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__PrincipalListRequest asked = PROVISIOND__PRINCIPAL_LIST_REQUEST__INIT;
    asked.name = text(name);
    asked.role = role;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_LIST;
    request.principal_list = &asked;
    return vault_rig_administer(&rig, &request, -1, expected);
}

static void narrow(const char *name, Provisiond__Role role, char **products, size_t count,
                   enum error expected)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__PrincipalNarrowRequest asked = PROVISIOND__PRINCIPAL_NARROW_REQUEST__INIT;
    asked.name = text(name);
    asked.role = role;
    asked.products = products;
    asked.n_products = count;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_NARROW;
    request.principal_narrow = &asked;
    vault_admin_reply_free(vault_rig_administer(&rig, &request, -1, expected));
}

/* Adds the key of a certificate (pem), or removes a key. Returns which. */
static struct sha256 change_key(const char *name, const char *pem, const struct sha256 *removed,
                                enum error expected)
{
    struct sha256 key = {0};
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__PrincipalKeyRequest asked = PROVISIOND__PRINCIPAL_KEY_REQUEST__INIT;
    asked.name = text(name);
    if (pem != NULL)
        asked.certificate = data_of(pem, strlen(pem));
    if (removed != NULL)
        asked.remove_spki = data_of(removed->bytes, SHA256_SIZE);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_KEY;
    request.principal_key = &asked;
    Provisiond__AdminReply *reply = vault_rig_administer(&rig, &request, -1, expected);
    if (reply != NULL)
        memcpy(key.bytes, reply->principal_key->spki.data, SHA256_SIZE);
    vault_admin_reply_free(reply);
    return key;
}

static void expect_self(const struct sha256 *key, enum error code, const char *name)
{
    Provisiond__StationRequest request = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__SelfRequest asked = PROVISIOND__SELF_REQUEST__INIT;
    request.op_case = PROVISIOND__STATION_REQUEST__OP_SELF;
    request.self = &asked;
    Provisiond__StationReply *reply = vault_rig_ask(&rig, key, &request);
    vault_rig_expect(reply, code, "principal-unknown");
    if (code == ERR_OK)
        ck_assert_str_eq(reply->self->principal->name, name);
    vault_rig_free(reply);
}

/* ---- claims ---- */

START_TEST(principals_are_listed_with_role_keys_and_scope)
{
    const struct sha256 key =
        vault_rig_enrol(&rig, "op", PROVISIOND__ROLE__ROLE_OPERATOR, "widget gadget", "one two");
    Provisiond__AdminReply *reply = list("", PROVISIOND__ROLE__ROLE_UNKNOWN, ERR_OK);
    ck_assert_uint_eq(reply->principal_list->n_principals, 2);
    vault_admin_reply_free(reply);
    reply = list("", PROVISIOND__ROLE__ROLE_OPERATOR, ERR_OK);
    ck_assert_uint_eq(reply->principal_list->n_principals, 1);
    const Provisiond__PrincipalEntry *entry = reply->principal_list->principals[0];
    ck_assert_str_eq(entry->name, "op");
    ck_assert_int_eq((int)entry->role, (int)PROVISIOND__ROLE__ROLE_OPERATOR);
    ck_assert(entry->enabled);
    ck_assert_uint_eq(entry->n_keys, 1);
    ck_assert_mem_eq(entry->keys[0]->spki.data, key.bytes, SHA256_SIZE);
    ck_assert_int_gt(entry->keys[0]->added_unix_ms, 0);
    ck_assert_uint_eq(entry->n_products, 2);
    ck_assert_str_eq(entry->products[1], "gadget");
    ck_assert_uint_eq(entry->n_lines, 2);
    ck_assert_str_eq(entry->lines[0], "one");
    vault_admin_reply_free(reply);
}
END_TEST

START_TEST(who_is_not_there_or_of_another_role_is_unknown)
{
    (void)list("nobody", PROVISIOND__ROLE__ROLE_UNKNOWN, ERR_PRINCIPAL_UNKNOWN);
    (void)list("first", PROVISIOND__ROLE__ROLE_AUDITOR, ERR_PRINCIPAL_UNKNOWN);
    narrow("nobody", PROVISIOND__ROLE__ROLE_UNKNOWN, NULL, 0, ERR_PRINCIPAL_UNKNOWN);
    narrow("first", PROVISIOND__ROLE__ROLE_AUDITOR, NULL, 0, ERR_PRINCIPAL_UNKNOWN);
    narrow("first", PROVISIOND__ROLE__ROLE_STATION, NULL, 0, ERR_OK);
    (void)change_key("nobody", NULL, &rig.station, ERR_PRINCIPAL_UNKNOWN);
}
END_TEST

START_TEST(principal_without_a_known_role_is_not_enrolled)
{
    add("a", PROVISIOND__ROLE__ROLE_UNKNOWN, NULL, 0, ERR_BAD_REQUEST);
    add("a", (Provisiond__Role)6, NULL, 0, ERR_BAD_REQUEST);
    add("a", (Provisiond__Role)-1, NULL, 0, ERR_BAD_REQUEST);
    add("bad name", PROVISIOND__ROLE__ROLE_STATION, NULL, 0, ERR_BAD_REQUEST);
    add("first", PROVISIOND__ROLE__ROLE_OPERATOR, NULL, 0, ERR_CONFLICT);
    ck_assert_int_eq(vault_rig_query(&rig, "SELECT count(*) FROM principal"), 1);
}
END_TEST

START_TEST(scope_is_bounded_and_of_names)
{
    static char names[LEDGER_SCOPE_NAMES_MAX + 1][8];
    char *links[LEDGER_SCOPE_NAMES_MAX + 1];
    char *bad[] = {text("not a name")};
    for (size_t i = 0; i <= LEDGER_SCOPE_NAMES_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "p%zu", i);
        links[i] = names[i];
    }
    narrow("first", PROVISIOND__ROLE__ROLE_UNKNOWN, links, LEDGER_SCOPE_NAMES_MAX + 1,
           ERR_BAD_REQUEST);
    narrow("first", PROVISIOND__ROLE__ROLE_UNKNOWN, bad, 1, ERR_BAD_REQUEST);
    narrow("first", PROVISIOND__ROLE__ROLE_UNKNOWN, links, LEDGER_SCOPE_NAMES_MAX, ERR_OK);
    Provisiond__AdminReply *reply = list("first", PROVISIOND__ROLE__ROLE_UNKNOWN, ERR_OK);
    ck_assert_uint_eq(reply->principal_list->principals[0]->n_products, LEDGER_SCOPE_NAMES_MAX);
    vault_admin_reply_free(reply);
    narrow("first", PROVISIOND__ROLE__ROLE_UNKNOWN, NULL, 0, ERR_OK);
    reply = list("first", PROVISIOND__ROLE__ROLE_UNKNOWN, ERR_OK);
    ck_assert_uint_eq(reply->principal_list->principals[0]->n_products, 0);
    vault_admin_reply_free(reply);
}
END_TEST

START_TEST(new_key_works_beside_the_old_one_until_that_is_removed)
{
    struct pki *client = pki_client(rig.maker, "new");
    const struct sha256 key = change_key("first", pki_certificate(client), NULL, ERR_OK);
    expect_self(&key, ERR_OK, "first");
    expect_self(&rig.station, ERR_OK, "first");
    (void)change_key("first", pki_certificate(client), NULL, ERR_CONFLICT); /* key-taken */
    (void)change_key("first", NULL, &rig.station, ERR_OK);
    expect_self(&key, ERR_OK, "first");
    expect_self(&rig.station, ERR_FORBIDDEN, "");
    (void)change_key("first", NULL, &rig.station, ERR_CONFLICT); /* key-unknown */
    (void)change_key("first", NULL, &key, ERR_CONFLICT);         /* last-key */
    expect_self(&key, ERR_OK, "first");
    pki_free(client);
}
END_TEST

START_TEST(key_is_either_added_or_removed)
{
    (void)change_key("first", NULL, NULL, ERR_BAD_REQUEST);
    (void)change_key("first", "pem", &rig.station, ERR_BAD_REQUEST);
    (void)change_key("first", "pem", NULL, ERR_BAD_REQUEST);
}
END_TEST

/* ---- under way ---- */

static void *ask_license(void *key)
{
    Provisiond__LicenseRequest license;
    struct pki *device = pki_device(rig.maker, "SN-1");
    vault_rig_license(&license, "widget", pki_certificate(device));
    Provisiond__StationReply *reply =
        vault_rig_question(&rig, key, PROVISIOND__STATION_REQUEST__OP_LICENSE, &license);
    pki_free(device);
    return reply;
}

/* The HSM stands still while the license is made, and the key is removed meanwhile. */
START_TEST(key_removed_while_its_request_is_under_way_gets_no_license)
{
    pthread_t thread;
    void *reply = NULL;
    struct sha256 second = vault_rig_add_key(&rig, "first");
    ck_assert_int_eq(kill(rig.hsm.master, SIGSTOP), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, ask_license, &second), 0);
    hsm_rig_pause(300); /* the vault has looked the key up, nearly always; the answer is the same */
    vault_rig_remove_key(&rig, "first", &second);
    ck_assert_int_eq(kill(rig.hsm.master, SIGCONT), 0);
    ck_assert_int_eq(pthread_join(thread, &reply), 0);
    vault_rig_expect(reply, ERR_FORBIDDEN, "principal-unknown");
    vault_rig_free(reply);
    ck_assert_int_eq(vault_rig_usage(&rig, "widget").charged, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        principals_are_listed_with_role_keys_and_scope,
        who_is_not_there_or_of_another_role_is_unknown,
        principal_without_a_known_role_is_not_enrolled,
        scope_is_bounded_and_of_names,
        new_key_works_beside_the_old_one_until_that_is_removed,
        key_is_either_added_or_removed,
        key_removed_while_its_request_is_under_way_gets_no_license,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "principals",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 120,
                                        .tests = tests});
}
