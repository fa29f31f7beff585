/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who may ask, changed while they ask: a station that is disabled, revoked, narrowed or re-keyed is
 * treated so from its next request on, on the connection that it has. Each change is a leaf.
 */
#include "e2e/floor.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/crowd.h"
#include "bench/stations.h"
#include "core/clock.h"
#include "support/run.h"

#define QUOTA             5000
#define REVOKED_WITHIN_MS 1000
#define DRIVE_MS          50
#define LOOK_EVERY_US     20000
#define ASK_EVERY_US      5000
#define SELF              "/v1/self"
#define CTL               "$BIN/provctl --config $RIG_CONFIG "
#define SHELL(...)        ck_assert_int_eq(rig_shell(&rig, __VA_ARGS__), 0)

static struct rig rig;
static struct pki *device_ca;

static void set_up(void)
{
    http_init();
    (void)signal(SIGPIPE, SIG_IGN);
    rig_up(&rig, QUOTA);
    device_ca = pki_load(rig.device_ca_cert, rig.device_ca_key);
}

static void tear_down(void)
{
    rig_check_invariants(&rig); /* the export with all the changes verifies */
    pki_free(device_ca);
    rig_down(&rig);
}

/* How often something of that type happened to a principal, as the journal has it. */
static int64_t leaves(const char *type, const char *principal)
{
    char sql[256];
    (void)snprintf(
        sql, sizeof sql,
        "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) LIKE '%%\"type\":\"%s\"%%' "
        "AND CAST(entry AS TEXT) LIKE '%%\"principal\":\"%s\"%%'",
        type, principal);
    return rig_query(&rig, sql);
}

/* ---- one station on one connection ---- */

struct caller {
    struct stations stations;
    struct crowd *crowd;
    long status;
    char check[64];
    bool is_connection_new;
    json_t *json;
};

static void take(void *context, const struct crowd_answer *answer)
{
    struct caller *caller = context;
    json_decref(caller->json);
    caller->json = json_loads(answer->body, 0, NULL);
    const char *check = json_string_value(json_object_get(caller->json, "check"));
    caller->status = answer->status;
    caller->is_connection_new = answer->is_connection_new;
    (void)snprintf(caller->check, sizeof caller->check, "%s", check != NULL ? check : "");
}

static void ask(struct caller *caller, const char *path, const char *body)
{
    crowd_send(caller->crowd, 0, path, body);
    while (crowd_busy(caller->crowd) > 0)
        crowd_drive(caller->crowd, DRIVE_MS);
}

/* Enrolled as NAME-0, connected, and served once. */
static void caller_connect(struct caller *caller, const char *name)
{
    *caller = (struct caller){0};
    stations_enrol(&rig, name, 1, &caller->stations);
    caller->crowd = crowd_new(rig.url, rig.ca, take, caller);
    crowd_join(caller->crowd,
               &(struct crowd_member){.certificate = pki_certificate(caller->stations.list[0]),
                                      .key = pki_key(caller->stations.list[0])});
    ask(caller, SELF, NULL);
    ck_assert_int_eq(caller->status, 200);
    ck_assert(caller->is_connection_new);
}

static void caller_clear(struct caller *caller)
{
    json_decref(caller->json);
    crowd_free(caller->crowd);
    stations_clear(&caller->stations);
}

/* The answer to a question on the connection that the caller has had all the time. */
static void expect(struct caller *caller, const char *path, const char *body, long status,
                   const char *check)
{
    ask(caller, path, body);
    ck_assert_msg(caller->status == status, "%s: status %ld, check %s", path, caller->status,
                  caller->check);
    ck_assert_str_eq(caller->check, check);
    ck_assert(!caller->is_connection_new);
}

static void expect_license(struct caller *caller, const char *line, long status, const char *check)
{
    struct pki *device = pki_device(device_ca, NULL);
    char *body = device_body(&rig, device, NULL, line);
    expect(caller, "/v1/licenses", body, status, check);
    free(body);
    pki_free(device);
}

/* ---- disabled, revoked ---- */

START_TEST(disabled_station_is_refused_at_its_next_request_on_an_open_connection)
{
    struct caller caller;
    caller_connect(&caller, "disabled");
    expect_license(&caller, NULL, 201, "");
    SHELL(CTL "station disable disabled-0 >/dev/null");
    expect_license(&caller, NULL, 403, "principal-disabled");
    expect(&caller, SELF, NULL, 403, "principal-disabled");
    SHELL(CTL "station enable disabled-0 >/dev/null");
    expect_license(&caller, NULL, 201, "");
    ck_assert_int_eq(leaves("principal-disabled", "disabled-0"), 1);
    ck_assert_int_eq(leaves("principal-enabled", "disabled-0"), 1);
    caller_clear(&caller);
}
END_TEST

/* As an operator keeps the list: openssl's own database in DIR/tls. */
static void make_crl(void)
{
    SHELL(
        "cd $DIR/tls && touch index.txt && echo 01 >crlnumber && "
        "printf '[ca]\\ndefault_ca=site\\n[site]\\ndatabase=index.txt\\ncrlnumber=crlnumber\\n"
        "default_md=sha256\\ndefault_crl_days=30\\n' >crl.cnf && "
        "openssl ca -config crl.cnf -gencrl -keyfile ca.key -cert ca.pem -out crl.pem 2>/dev/null");
}

static void revoke_station(const char *name)
{
    SHELL("cd $DIR/tls && exec 2>/dev/null && "
          "openssl ca -config crl.cnf -revoke %s.pem -keyfile ca.key -cert ca.pem && "
          "openssl ca -config crl.cnf -gencrl -keyfile ca.key -cert ca.pem -out crl.new && "
          "mv crl.new crl.pem",
          name);
}

static void restart_with_crl(void)
{
    make_crl();
    SHELL("sed -i \"s|^client_ca = .*|&\\nclient_crl = $DIR/tls/crl.pem|\" $RIG_CONFIG");
    rig_kill(&rig, RIG_API, SIGTERM);
    rig_start(&rig, RIG_API, NULL);
    rig_wait_ready(&rig);
}

/*
 * The claim is about requests: one that is sent a second after the list was replaced is refused.
 * However slow this machine is, the last one here is sent no earlier.
 */
static void ask_until_refused(struct caller *caller)
{
    int64_t since = clock_monotonic_ms();
    int64_t sent;
    do {
        (void)usleep(LOOK_EVERY_US);
        sent = clock_monotonic_ms();
        ask(caller, SELF, NULL);
    } while (caller->status == 200 && sent - since < REVOKED_WITHIN_MS);
    (void)printf("refused %lld ms after the list was replaced\n", (long long)(sent - since));
}

static void expect_revoked(const struct caller *caller)
{
    const char *detail = json_string_value(json_object_get(caller->json, "detail"));
    ck_assert_int_eq(caller->status, 401);
    ck_assert_ptr_nonnull(detail);
    ck_assert_msg(strstr(detail, "revoked") != NULL, "%s", detail);
}

/* The same certificate once more, on a connection of its own. */
static void connect_again(struct caller *caller)
{
    crowd_free(caller->crowd);
    caller->crowd = crowd_new(rig.url, rig.ca, take, caller);
    crowd_join(caller->crowd,
               &(struct crowd_member){.certificate = pki_certificate(caller->stations.list[0]),
                                      .key = pki_key(caller->stations.list[0])});
}

START_TEST(revoked_station_is_refused_within_a_second_on_an_open_connection)
{
    struct caller caller;
    struct caller other;
    restart_with_crl();
    caller_connect(&caller, "revoked");
    caller_connect(&other, "good");
    expect_license(&caller, NULL, 201, "");
    revoke_station("revoked-0");
    ask_until_refused(&caller);
    ck_assert(!caller.is_connection_new);
    expect_revoked(&caller);
    struct pki *device = pki_device(device_ca, NULL);
    char *body = device_body(&rig, device, NULL, NULL);
    ask(&caller, "/v1/licenses", body);
    expect_revoked(&caller);
    connect_again(&caller);
    ask(&caller, "/v1/licenses", body);
    ck_assert(caller.is_connection_new);
    expect_revoked(&caller);
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM charge"), 1);
    expect(&other, SELF, NULL, 200, "");
    free(body);
    pki_free(device);
    caller_clear(&caller);
    caller_clear(&other);
}
END_TEST

/* ---- narrowed ---- */

static size_t count(const struct caller *caller, const char *member)
{
    return json_array_size(json_object_get(caller->json, member));
}

START_TEST(station_narrowed_to_a_product_sees_no_other)
{
    struct caller caller;
    caller_connect(&caller, "narrow");
    expect(&caller, "/v1/products", NULL, 200, "");
    ck_assert_uint_eq(count(&caller, "products"), 2);
    SHELL(CTL "station narrow narrow-0 --product $RIG_ST_PRODUCT >/dev/null");
    expect_license(&caller, NULL, 403, "product-not-allowed");
    expect(&caller, "/v1/products/rig-gateway", NULL, 403, "product-not-allowed");
    expect(&caller, "/v1/products/no-such-thing", NULL, 403, "product-not-allowed");
    expect(&caller, "/v1/products/rig-gateway/usage", NULL, 403, "product-not-allowed");
    expect(&caller, "/v1/products", NULL, 200, "");
    ck_assert_uint_eq(count(&caller, "products"), 1);
    SHELL(CTL "station narrow narrow-0 --all-products >/dev/null");
    expect_license(&caller, NULL, 201, "");
    ck_assert_int_eq(leaves("principal-narrowed", "narrow-0"), 2);
    caller_clear(&caller);
}
END_TEST

START_TEST(station_narrowed_to_lines_licenses_for_those_only)
{
    struct caller caller;
    caller_connect(&caller, "line");
    SHELL(CTL "station narrow line-0 --line line-1 --line line-2 >/dev/null");
    expect_license(&caller, "line-2", 201, "");
    expect_license(&caller, "line-3", 403, "line-not-allowed");
    expect_license(&caller, NULL, 403, "line-missing");
    SHELL(CTL "station narrow line-0 --line line-7 >/dev/null");
    expect_license(&caller, "line-2", 403, "line-not-allowed");
    expect_license(&caller, NULL, 201, ""); /* of the one line that it may be for */
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) LIKE "
                                     "'%\"line\":\"line-7\"%\"type\":\"license-issued\"%'"),
                     1);
    SHELL(CTL "station narrow line-0 --all-lines >/dev/null");
    expect_license(&caller, "line-3", 201, "");
    ck_assert_int_eq(leaves("principal-narrowed", "line-0"), 3);
    caller_clear(&caller);
}
END_TEST

/* ---- re-keyed ---- */

enum key { OLD_KEY, NEW_KEY, KEYS };

/* A station that asks without a pause, with its old key and, when it has it, with the new one. */
struct line {
    pthread_t thread;
    struct crowd *crowd;
    const struct devices *devices;
    size_t next;
    atomic_bool is_asking[KEYS];
    atomic_bool is_over;
    atomic_size_t served[KEYS];
    atomic_size_t refused[KEYS]; /* anything but a new license */
};

static void take_license(void *context, const struct crowd_answer *answer)
{
    struct line *line = context;
    (void)atomic_fetch_add(
        answer->status == 201 ? &line->served[answer->member] : &line->refused[answer->member], 1);
}

static void *work(void *argument)
{
    struct line *line = argument;
    while (!line->is_over || crowd_busy(line->crowd) > 0) {
        for (size_t i = 0; i < KEYS; i++) {
            if (line->is_asking[i] && !line->is_over && !crowd_is_waiting(line->crowd, i) &&
                line->next < line->devices->count)
                crowd_send(line->crowd, i, "/v1/licenses", line->devices->bodies[line->next++]);
        }
        crowd_drive(line->crowd, DRIVE_MS);
        (void)usleep(ASK_EVERY_US);
    }
    return NULL;
}

/* Until that key has been served some more times. */
static void wait_for_service(struct line *line, enum key key)
{
    size_t wanted = line->served[key] + 10;
    deadline_ms deadline = deadline_in(30000);
    while (line->served[key] < wanted) {
        ck_assert_msg(deadline_left_ms(deadline) > 0, "key %d is not served", key);
        (void)usleep(ASK_EVERY_US);
    }
}

static void wait_for_refusal(struct line *line, enum key key)
{
    deadline_ms deadline = deadline_in(30000);
    while (line->refused[key] == 0) {
        ck_assert_msg(deadline_left_ms(deadline) > 0, "key %d is not refused", key);
        (void)usleep(ASK_EVERY_US);
    }
}

static void line_join(struct line *line, const struct pki *client)
{
    crowd_join(line->crowd, &(struct crowd_member){.certificate = pki_certificate(client),
                                                   .key = pki_key(client)});
}

/* A certificate of the site's CA with a new key, as DIR/tls/NAME.pem. */
static struct pki *make_certificate(const char *name)
{
    char cert[RIG_VALUE_MAX];
    char key[RIG_VALUE_MAX];
    (void)snprintf(cert, sizeof cert, "%s/tls/ca.pem", rig.dir);
    (void)snprintf(key, sizeof key, "%s/tls/ca.key", rig.dir);
    struct pki *ca = pki_load(cert, key);
    struct pki *client = pki_client(ca, name);
    (void)snprintf(cert, sizeof cert, "%s/tls/%s.pem", rig.dir, name);
    pki_write_certificate(client, cert);
    pki_free(ca);
    return client;
}

START_TEST(station_gets_a_new_key_under_load_and_no_request_is_lost)
{
    struct stations stations;
    struct devices devices;
    struct line line = {.devices = &devices};
    stations_enrol(&rig, "rekey", 1, &stations);
    devices_make(&rig, "rekey", 2000, &devices);
    struct pki *renewed = make_certificate("renewed");
    line.crowd = crowd_new(rig.url, rig.ca, take_license, &line);
    line_join(&line, stations.list[0]);
    line_join(&line, renewed);
    line.is_asking[OLD_KEY] = true;
    ck_assert_int_eq(pthread_create(&line.thread, NULL, work, &line), 0);
    wait_for_service(&line, OLD_KEY);
    SHELL(CTL "station key add rekey-0 --certificate $DIR/tls/renewed.pem >/dev/null");
    line.is_asking[NEW_KEY] = true;
    wait_for_service(&line, NEW_KEY);
    wait_for_service(&line, OLD_KEY); /* both are served */
    ck_assert_uint_eq(line.refused[OLD_KEY], 0);
    SHELL("key=$(openssl x509 -in $DIR/tls/rekey-0.pem -pubkey -noout | openssl pkey -pubin "
          "-outform DER | sha256sum | cut -d' ' -f1) && " CTL
          "station key remove rekey-0 $key >/dev/null");
    wait_for_refusal(&line, OLD_KEY);
    wait_for_service(&line, NEW_KEY);
    line.is_over = true;
    (void)pthread_join(line.thread, NULL);
    ck_assert_uint_eq(line.refused[NEW_KEY], 0);
    ck_assert_int_eq(leaves("principal-key-added", "rekey-0"), 1);
    ck_assert_int_eq(leaves("principal-key-removed", "rekey-0"), 1);
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM charge"),
                     (int64_t)(line.served[OLD_KEY] + line.served[NEW_KEY]));
    crowd_free(line.crowd);
    pki_free(renewed);
    devices_clear(&devices);
    stations_clear(&stations);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        disabled_station_is_refused_at_its_next_request_on_an_open_connection,
        revoked_station_is_refused_within_a_second_on_an_open_connection,
        station_narrowed_to_a_product_sees_no_other,
        station_narrowed_to_lines_licenses_for_those_only,
        station_gets_a_new_key_under_load_and_no_request_is_lost,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "access, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 300,
                                        .tests = tests});
}
