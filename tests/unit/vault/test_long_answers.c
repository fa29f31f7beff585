/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* An answer that is larger than the link takes is a fault of its own; the link goes on. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "support/run.h"
#include "vault/state.h"
#include "vault_rig.h"

#define THREADS  16
#define EACH     52 /* so many principals have more names than fit */
#define NAME_FMT "%0*d-%02d\n"

static struct vault_rig rig;
static struct ledger_scope scope; /* the longest: 32 names of 64 bytes, twice */

static_assert((size_t)THREADS * EACH * LEDGER_SCOPE_NAMES_MAX * 2 * LEDGER_NAME_MAX >
                  VAULT_REPLY_MAX_BYTES,
              "all principals together are too long an answer");

static void set_up(void)
{
    vault_rig_make(&rig);
    vault_rig_start(&rig);
    for (int i = 0; i < LEDGER_SCOPE_NAMES_MAX; i++)
        (void)snprintf(scope.products + strlen(scope.products), LEDGER_NAME_MAX + 2, NAME_FMT,
                       LEDGER_NAME_MAX - 3, 0, i);
    strcpy(scope.lines, scope.products);
}

static void tear_down(void)
{
    vault_rig_remove(&rig);
}

/* Many at once, so that they share the ledger's commits. */
static void *enrol_many(void *argument)
{
    struct fault fault;
    char name[32];
    for (int i = 0; i < EACH; i++) {
        (void)snprintf(name, sizeof name, "st-%d-%d", (int)(intptr_t)argument, i);
        const struct ledger_enrolment enrolment = {
            .name = name,
            .role = LEDGER_STATION,
            .spki = sha256_of(bytes_of(name, strlen(name))),
            .scope = &scope,
        };
        ck_assert_int_eq(ledger_principal_add(rig.vault->ledger, &enrolment, "uid:0", &fault),
                         ERR_OK);
    }
    return NULL;
}

static void enrol_all(void)
{
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, enrol_many, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
}

static Provisiond__StationReply *list(const struct sha256 *caller, char *name)
{
    Provisiond__PrincipalListRequest asked = PROVISIOND__PRINCIPAL_LIST_REQUEST__INIT;
    asked.name = name;
    return vault_rig_question(&rig, caller, PROVISIOND__STATION_REQUEST__OP_PRINCIPAL_LIST, &asked);
}

START_TEST(list_of_stations_that_is_too_long_is_refused_and_one_by_name_is_not)
{
    static char all[] = "";
    static char one[] = "st-0-0";
    const struct sha256 auditor =
        vault_rig_enrol(&rig, "auditor", PROVISIOND__ROLE__ROLE_AUDITOR, NULL, NULL);
    enrol_all();
    Provisiond__StationReply *reply = list(&auditor, all);
    vault_rig_expect(reply, ERR_INTERNAL, "answer-too-large");
    ck_assert_int_eq(reply->result_case, PROVISIOND__STATION_REPLY__RESULT__NOT_SET);
    ck_assert_uint_eq(reply->principal.len, SHA256_SIZE);
    vault_rig_free(reply);
    reply = list(&auditor, one);
    vault_rig_expect(reply, ERR_OK, "");
    ck_assert_uint_eq(reply->principal_list->n_principals, 1);
    vault_rig_free(reply);
}
END_TEST

static Provisiond__AdminReply *administer(char *name, enum error expected)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__PrincipalListRequest asked = PROVISIOND__PRINCIPAL_LIST_REQUEST__INIT;
    asked.name = name;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_LIST;
    request.principal_list = &asked;
    return vault_rig_administer(&rig, &request, -1, expected);
}

START_TEST(so_it_is_on_the_admin_socket)
{
    static char all[] = "";
    static char one[] = "st-0-0";
    enrol_all();
    ck_assert_ptr_null(administer(all, ERR_INTERNAL));
    Provisiond__AdminReply *reply = administer(one, ERR_OK);
    ck_assert_uint_eq(reply->principal_list->n_principals, 1);
    vault_admin_reply_free(reply);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        list_of_stations_that_is_too_long_is_refused_and_one_by_name_is_not,
        so_it_is_on_the_admin_socket,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "long answers",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 120,
                                        .tests = tests});
}
