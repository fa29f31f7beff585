/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A captured provisiond: it has the keys of everybody on the site and says what it likes on the
 * station socket. It enrols nobody, changes no product and adds no unit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "support/run.h"
#include "support/sizes.h"
#include "vault_rig.h"

#define ROLES       5
#define FIELDS_MAX  40 /* more than StationRequest has operations */
#define PAYLOAD_MAX 8192

static struct vault_rig rig;
static struct sha256 callers[ROLES];

/* What no one on the station socket changes; one number each. */
static const char *const STATE[] = {
    "SELECT count(*) FROM product",
    "SELECT sum(quota) FROM product",
    "SELECT count(*) FROM principal",
    "SELECT sum(is_enabled) FROM principal",
    "SELECT count(*) FROM image",
    "SELECT sum(is_enabled) FROM image",
    "SELECT count(*) FROM budget",
    "SELECT count(*) FROM install",
    "SELECT count(*) FROM principal_key",
    "SELECT sum(length(products) + length(lines)) FROM principal",
    /* A refused device may leave its leaf. */
    "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) NOT LIKE '%identity-refused%'",
};
#define STATES (sizeof STATE / sizeof STATE[0])

static void set_up(void)
{
    static const char *const names[ROLES] = {"station", "operator", "auditor", "administrator",
                                             "metrics"};
    vault_rig_make(&rig);
    vault_rig_start(&rig);
    for (int i = 0; i < ROLES; i++)
        callers[i] = vault_rig_enrol(&rig, names[i], (Provisiond__Role)(i + 1), NULL, NULL);
}

static void tear_down(void)
{
    vault_rig_remove(&rig);
}

static void note_state(int64_t state[STATES])
{
    for (size_t i = 0; i < STATES; i++)
        state[i] = vault_rig_query(&rig, STATE[i]);
}

static void expect_state(const int64_t state[STATES])
{
    for (size_t i = 0; i < STATES; i++)
        ck_assert_msg(vault_rig_query(&rig, STATE[i]) == state[i], "%s", STATE[i]);
}

/* ---- what it would like ---- */

static size_t put_field(uint8_t *out, unsigned field, const uint8_t *body, size_t length)
{
    size_t n = 0;
    for (unsigned tag = field << 3 | 2; tag != 0; tag >>= 7)
        out[n++] = (uint8_t)((tag & 0x7f) | (tag > 0x7f ? 0x80 : 0));
    for (size_t rest = length; rest != 0 || n < 2; rest >>= 7)
        out[n++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    memcpy(out + n, body, length);
    return n + length;
}

/* The bodies of the admin socket's changes, as that socket expects them. */
static size_t pack_wish(size_t wish, uint8_t *out)
{
    static char widget[] = "widget";
    static char mine[] = "mine";
    static char first[] = "first";
    const char *pem = pki_certificate(rig.stranger);
    ProtobufCBinaryData certificate = {.len = strlen(pem), .data = (uint8_t *)(uintptr_t)pem};
    Provisiond__QuotaAddRequest quota = PROVISIOND__QUOTA_ADD_REQUEST__INIT;
    Provisiond__PrincipalAddRequest principal = PROVISIOND__PRINCIPAL_ADD_REQUEST__INIT;
    Provisiond__PrincipalEnableRequest enable = PROVISIOND__PRINCIPAL_ENABLE_REQUEST__INIT;
    Provisiond__PrincipalKeyRequest key = PROVISIOND__PRINCIPAL_KEY_REQUEST__INIT;
    Provisiond__ProductCreateRequest product = PROVISIOND__PRODUCT_CREATE_REQUEST__INIT;
    Provisiond__ImageEnableRequest image = PROVISIOND__IMAGE_ENABLE_REQUEST__INIT;
    Provisiond__BudgetSetRequest budget = PROVISIOND__BUDGET_SET_REQUEST__INIT;
    quota.product = image.product = budget.product = widget;
    quota.units = 1000000;
    principal.name = product.name = mine;
    principal.role = PROVISIOND__ROLE__ROLE_ADMINISTRATOR;
    principal.certificate = key.certificate = product.anchors = certificate;
    enable.name = key.name = first;
    image.image = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = rig.images[0].bytes};
    budget.period_minutes = 60;
    const ProtobufCMessage *const wishes[] = {&quota.base, &principal.base, &enable.base,
                                              &key.base,   &product.base,   &image.base,
                                              &budget.base};
    if (wish >= sizeof wishes / sizeof wishes[0])
        return 0;
    return protobuf_c_message_pack(wishes[wish], out);
}

/* Sends what it is told to, and takes an answer or the end of the connection. */
START_TEST(nothing_it_says_changes_the_site)
{
    static uint8_t body[PAYLOAD_MAX];
    static uint8_t payload[PAYLOAD_MAX];
    int64_t state[STATES];
    size_t length = 0;
    note_state(state);
    for (size_t wish = 0; (length = pack_wish(wish, body)) > 0; wish++) {
        for (unsigned field = 3; field < FIELDS_MAX; field++) {
            for (size_t role = 0; role < ROLES; role++) {
                size_t head = put_field(payload, 1, callers[role].bytes, SHA256_SIZE);
                size_t n = head + put_field(payload + head, field, body, length);
                ck_assert_uint_le(n, sizeof payload);
                vault_rig_say(&rig, bytes_of(payload, n));
            }
        }
    }
    expect_state(state);
}
END_TEST

START_TEST(random_bytes_with_a_good_key_change_nothing)
{
    static uint8_t payload[600];
    int64_t state[STATES];
    size_t rounds = test_size("random requests with a good key", 2000, 50000);
    note_state(state);
    size_t head = put_field(payload, 1, callers[3].bytes, SHA256_SIZE);
    for (size_t i = 0; i < rounds; i++) {
        size_t length = 1 + (size_t)random() % 200;
        uint8_t body[200];
        random_fill(body, length);
        size_t n = head + put_field(payload + head, 3 + (unsigned)i % 21, body, length);
        vault_rig_say(&rig, bytes_of(payload, n));
    }
    expect_state(state);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        nothing_it_says_changes_the_site,
        random_bytes_with_a_good_key_change_nothing,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "captured provisiond",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 300,
                                        .tests = tests});
}
