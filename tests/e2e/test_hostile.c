/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A captured provisiond, garbage on every socket, and a clumsy client: what a station may not do,
 * nobody on the station socket can.
 */
#include "e2e/floor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/frame.h"
#include "support/run.h"
#include "support/sizes.h"
#include "vault.pb-c.h"
#include "vault/vault_client.h"

#define ANSWER_TIMEOUT_MS 10000

static struct rig rig;

static void set_up(void)
{
    http_init();
    (void)signal(SIGPIPE, SIG_IGN);
    rig_up(&rig, 5);
}

static void expect_service(void)
{
    struct floor_device device;
    struct http_answer answer;
    for (int i = 0; i < RIG_PROGRAMS; i++)
        ck_assert_msg(rig_is_running(&rig, (enum rig_program)i), "program %d died", i);
    floor_device_make(&rig, "last", NULL, &device);
    http_license(&rig, device.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 201);
    http_answer_clear(&answer);
}

static void tear_down(void)
{
    expect_service();
    rig_check_invariants(&rig);
    rig_down(&rig);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends one frame; true when an answer came, false when the connection was ended or is silent. */
static bool ask(const char *path, const uint8_t *payload, size_t length, struct frame *ret_answer)
{
    int fd = connect_to(path);
    enum error e =
        frame_send(fd, 1, bytes_of(payload, length), NULL, 0, deadline_in(ANSWER_TIMEOUT_MS));
    if (e == ERR_OK)
        e = frame_receive(fd, VAULT_REPLY_MAX_BYTES, true, ANSWER_TIMEOUT_MS, ANSWER_TIMEOUT_MS,
                          ret_answer);
    (void)close(fd);
    return e == ERR_OK;
}

/* ---- a captured provisiond ---- */

/* What an attacker would like to ask; packed as the admin socket expects it. */
static size_t pack_wish(size_t wish, uint8_t *out)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__QuotaAddRequest quota = PROVISIOND__QUOTA_ADD_REQUEST__INIT;
    Provisiond__PrincipalAddRequest station = PROVISIOND__PRINCIPAL_ADD_REQUEST__INIT;
    Provisiond__ProductCreateRequest product = PROVISIOND__PRODUCT_CREATE_REQUEST__INIT;
    Provisiond__PrincipalListRequest list = PROVISIOND__PRINCIPAL_LIST_REQUEST__INIT;
    Provisiond__ImageEnableRequest image = PROVISIOND__IMAGE_ENABLE_REQUEST__INIT;
    quota.product = image.product = rig.product;
    quota.units = 1000000;
    station.name = product.name = (char *)(uintptr_t) "mine";
    static const Provisiond__AdminRequest__OpCase ops[] = {
        PROVISIOND__ADMIN_REQUEST__OP_QUOTA_ADD, PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_ADD,
        PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_CREATE, PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_LIST,
        PROVISIOND__ADMIN_REQUEST__OP_IMAGE_ENABLE};
    void *const bodies[] = {&quota, &station, &product, &list, &image};
    request.op_case = ops[wish];
    request.status = bodies[wish]; /* the members of the union are all pointers */
    return provisiond__admin_request__pack(&request, out);
}
#define WISHES 5

START_TEST(captured_provisiond_has_no_words_for_administration)
{
    uint8_t payload[4096];
    int64_t leaves = rig_query(&rig, "SELECT count(*) FROM journal");
    int64_t principals = rig_query(&rig, "SELECT count(*) FROM principal");
    for (size_t wish = 0; wish < WISHES; wish++) {
        struct frame frame;
        size_t length = pack_wish(wish, payload);
        if (!ask(rig.vault_socket, payload, length, &frame))
            continue; /* not even a message there */
        Provisiond__StationReply *reply =
            provisiond__station_reply__unpack(NULL, frame.length, frame.payload);
        ck_assert_ptr_nonnull(reply);
        ck_assert_ptr_nonnull(reply->fault);
        ck_assert_uint_ne(reply->fault->code, ERR_OK);
        ck_assert_int_eq(reply->result_case, PROVISIOND__STATION_REPLY__RESULT__NOT_SET);
        provisiond__station_reply__free_unpacked(reply, NULL);
        frame_clear(&frame);
    }
    ck_assert_int_eq(rig_query(&rig, "SELECT quota FROM product"), 5);
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM principal"), principals);
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM product"), 2); /* the rig's own */
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM journal"), leaves);
}
END_TEST

static uint32_t ask_usage_as(const uint8_t *spki, size_t spki_length)
{
    uint8_t payload[512];
    struct frame frame;
    Provisiond__StationRequest request = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__UsageRequest usage = PROVISIOND__USAGE_REQUEST__INIT;
    usage.product = rig.product;
    request.caller_spki =
        (ProtobufCBinaryData){.len = spki_length, .data = (uint8_t *)(uintptr_t)spki};
    request.op_case = PROVISIOND__STATION_REQUEST__OP_USAGE;
    request.usage = &usage;
    size_t length = provisiond__station_request__pack(&request, payload);
    ck_assert(ask(rig.vault_socket, payload, length, &frame));
    Provisiond__StationReply *reply =
        provisiond__station_reply__unpack(NULL, frame.length, frame.payload);
    uint32_t code = reply->fault->code;
    provisiond__station_reply__free_unpacked(reply, NULL);
    frame_clear(&frame);
    return code;
}

START_TEST(captured_provisiond_cannot_speak_for_a_station_that_is_not_enrolled)
{
    uint8_t unknown[SHA256_SIZE] = {1, 2, 3};
    ck_assert_uint_eq(ask_usage_as(unknown, sizeof unknown), ERR_FORBIDDEN);
    ck_assert_uint_eq(ask_usage_as(unknown, 3), ERR_BAD_REQUEST);
    ck_assert_uint_eq(ask_usage_as(NULL, 0), ERR_BAD_REQUEST);
}
END_TEST

/* ---- garbage ---- */

static void throw_garbage(const char *path, size_t rounds)
{
    for (size_t i = 0; i < rounds; i++) {
        uint8_t garbage[600];
        struct frame frame;
        size_t length = 1 + (size_t)random() % sizeof garbage;
        random_fill(garbage, length);
        if (i % 2 == 0 && ask(path, garbage, length, &frame)) {
            frame_clear(&frame); /* framed garbage */
        } else if (i % 2 == 1) { /* not even a frame */
            int fd = connect_to(path);
            (void)!write(fd, garbage, length);
            (void)close(fd);
        }
    }
}

START_TEST(garbage_on_any_socket_harms_nothing)
{
    char path[TEMP_PATH_MAX + 32];
    static const char *const sockets[] = {"station.sock", "admin.sock", "hsm.sock"};
    size_t rounds = test_size("frames of garbage per socket", 300, 5000);
    for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/run/%s", rig.dir, sockets[i]);
        throw_garbage(path, rounds);
    }
}
END_TEST

START_TEST(frames_that_announce_too_much_or_never_end_are_cut_off)
{
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1};
    static const uint8_t half[] = {0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 42};
    char byte;
    int announcing = connect_to(rig.vault_socket);
    int silent = connect_to(rig.vault_socket);
    ck_assert_int_eq(write(announcing, huge, sizeof huge), sizeof huge);
    ck_assert_int_eq(write(silent, half, sizeof half), sizeof half);
    ck_assert_int_eq(read(announcing, &byte, 1), 0); /* ended at once */
    ck_assert_int_eq(read(silent, &byte, 1), 0);     /* ended after its deadline */
    (void)close(announcing);
    (void)close(silent);
}
END_TEST

/* ---- garbage over TLS ---- */

static void post(const char *body, long status, const char *path)
{
    struct http_answer answer;
    http_send(&rig, &(struct http_request){.method = "POST", .path = "/v1/licenses", .body = body},
              &answer);
    ck_assert_msg(answer.status == status, "%s: status %ld", body, answer.status);
    ck_assert_str_eq(http_problem(&answer), "bad-request");
    ck_assert_str_eq(http_text(&answer, "path"), path);
    http_answer_clear(&answer);
}

START_TEST(json_that_is_not_the_request_is_400_with_the_path)
{
    post("{", 400, "$");
    post("[]", 400, "$");
    post("{\"product\":1}", 400, "$.product");
    post("{\"product\":\"p\",\"product\":\"p\"}", 400, "$.product");
    post("{\"product\":\"p\",\"surprise\":1}", 400, "$.surprise");
    post("{\"product\":\"p\",\"device\":{\"certificate_chain\":7}}", 400,
         "$.device.certificate_chain");
    post("{\"product\":\"p\",\"image\":\"sha256:12\",\"device\":{\"certificate_chain\":\"x\"}}",
         400, "$.image");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        captured_provisiond_has_no_words_for_administration,
        captured_provisiond_cannot_speak_for_a_station_that_is_not_enrolled,
        garbage_on_any_socket_harms_nothing,
        frames_that_announce_too_much_or_never_end_are_cut_off,
        json_that_is_not_the_request_is_400_with_the_path,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "hostile, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 600,
                                        .tests = tests});
}
