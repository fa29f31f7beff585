/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Whose key asked, and with whom a request takes turns: fairness is between principals. */
#include <string.h>

#include <check.h>

#include "core/rpc_client.h"
#include "core/rpc_server.h"
#include "support/run.h"
#include "vault/station.h"
#include "vault_rig.h"

static struct vault_rig rig;

static void set_up(void)
{
    vault_rig_make(&rig);
}

static void tear_down(void)
{
    vault_rig_remove(&rig);
}

/* ---- what an answer says ---- */

/* All zero: the vault does not say. */
static struct sha256 principal_of(const struct sha256 *key, Provisiond__StationRequest__OpCase op,
                                  void *body)
{
    struct sha256 principal = {0};
    Provisiond__StationReply *reply = vault_rig_question(&rig, key, op, body);
    ck_assert(reply->principal.len == 0 || reply->principal.len == SHA256_SIZE);
    if (reply->principal.len > 0)
        memcpy(principal.bytes, reply->principal.data, SHA256_SIZE);
    vault_rig_free(reply);
    return principal;
}

static struct sha256 whose(const struct sha256 *key)
{
    Provisiond__SelfRequest self = PROVISIOND__SELF_REQUEST__INIT;
    return principal_of(key, PROVISIOND__STATION_REQUEST__OP_SELF, &self);
}

static bool is_same(struct sha256 a, struct sha256 b)
{
    return sha256_equal(&a, &b);
}

static bool is_nobody(struct sha256 principal)
{
    return is_same(principal, (struct sha256){0});
}

START_TEST(all_keys_of_a_principal_are_its_own_and_nobody_elses)
{
    vault_rig_start(&rig);
    struct sha256 first = whose(&rig.station);
    const struct sha256 second_key = vault_rig_add_key(&rig, "first");
    const struct sha256 other =
        vault_rig_enrol(&rig, "second", PROVISIOND__ROLE__ROLE_STATION, NULL, NULL);
    ck_assert(!is_nobody(first));
    ck_assert(is_same(first, whose(&second_key)));
    ck_assert(!is_same(first, whose(&other)));
    ck_assert(!is_same(first, rig.station));
}
END_TEST

START_TEST(new_key_of_a_principal_has_the_lane_of_the_old_one)
{
    vault_rig_start(&rig);
    struct sha256 before = whose(&rig.station);
    const struct sha256 new_key = vault_rig_add_key(&rig, "first");
    vault_rig_remove_key(&rig, "first", &rig.station);
    ck_assert(is_same(before, whose(&new_key)));
    ck_assert(is_nobody(whose(&rig.station)));
}
END_TEST

START_TEST(refusals_of_what_a_role_may_not_do_say_it_too)
{
    Provisiond__MetricsRequest metrics = PROVISIOND__METRICS_REQUEST__INIT;
    vault_rig_start(&rig);
    struct sha256 refused =
        principal_of(&rig.station, PROVISIOND__STATION_REQUEST__OP_METRICS, &metrics);
    ck_assert(is_same(refused, whose(&rig.station)));
}
END_TEST

START_TEST(nobody_is_said_of_a_key_that_may_nothing)
{
    Provisiond__ReadyRequest ready = PROVISIOND__READY_REQUEST__INIT;
    const struct sha256 stranger = {.bytes = {1}};
    vault_rig_start(&rig);
    ck_assert(is_nobody(whose(&stranger)));
    vault_rig_enable(&rig, "first", false);
    ck_assert(is_nobody(whose(&rig.station)));
    ck_assert(is_nobody(principal_of(&rig.station, PROVISIOND__STATION_REQUEST__OP_READY, &ready)));
}
END_TEST

/* ---- whose turn a request asks for ---- */

static struct sha256 turn;

static void take_turn(void *context, struct rpc_call *call)
{
    size_t bytes = 0;
    (void)context;
    turn = (struct sha256){0};
    void *message = station_read(call, &turn, &bytes);
    ck_assert_ptr_nonnull(message);
    provisiond__station_request__free_unpacked(message, NULL);
    rpc_reply(call, bytes_of("x", 1), NULL, 0);
}

static struct sha256 turn_of(struct rpc_client *client, Provisiond__StationRequest *request)
{
    uint8_t payload[256];
    struct frame frame;
    Provisiond__SelfRequest self = PROVISIOND__SELF_REQUEST__INIT;
    request->op_case = PROVISIOND__STATION_REQUEST__OP_SELF;
    request->self = &self;
    size_t length = provisiond__station_request__pack(request, payload);
    ck_assert_int_eq(
        rpc_client_call(client, bytes_of(payload, length), NULL, 0, deadline_in(10000), &frame),
        ERR_OK);
    frame_clear(&frame);
    return turn;
}

START_TEST(lane_is_taken_when_it_is_one_and_else_the_key)
{
    struct sha256 key = {.bytes = {1}};
    struct sha256 lane = {.bytes = {2}};
    struct rpc_server *server = NULL;
    struct rpc_client *client = NULL;
    const struct rpc_server_options serving = {
        .path = rig.config.vault.socket, .mode = 0600, .request_max = 256, .handle = take_turn};
    const struct rpc_client_options asking = {.path = rig.config.vault.socket, .reply_max = 16};
    Provisiond__StationRequest request = PROVISIOND__STATION_REQUEST__INIT;
    ck_assert_int_eq(rpc_server_new(&serving, &server, &(struct fault){0}), ERR_OK);
    ck_assert_int_eq(rpc_client_new(&asking, &client), ERR_OK);
    request.caller_spki = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = key.bytes};
    ck_assert(is_same(turn_of(client, &request), key));
    request.lane = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = lane.bytes};
    ck_assert(is_same(turn_of(client, &request), lane));
    request.caller_spki = (ProtobufCBinaryData){0};
    ck_assert(is_same(turn_of(client, &request), lane));
    request.lane.len = 3;
    ck_assert(is_nobody(turn_of(client, &request)));
    rpc_client_free(client);
    rpc_server_free(server);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        all_keys_of_a_principal_are_its_own_and_nobody_elses,
        new_key_of_a_principal_has_the_lane_of_the_old_one,
        refusals_of_what_a_role_may_not_do_say_it_too,
        nobody_is_said_of_a_key_that_may_nothing,
        lane_is_taken_when_it_is_one_and_else_the_key,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "lanes",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 60,
                                        .tests = tests});
}
