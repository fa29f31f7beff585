/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The certificates of those whom the rig does not have are written into its own DIR/tls. */
#include "e2e/hostile_world.h"

#include <stdio.h>
#include <string.h>

#include <check.h>

#include "support/http.h"
#include "support/pki.h"

/* ---- who asks ---- */

static void add_role(const struct rig *rig, struct hostile_identity *identity, const char *name,
                     const char *variable)
{
    char wanted[64];
    identity->name = name;
    (void)snprintf(wanted, sizeof wanted, "RIG_%s_CERT", variable);
    rig_value(rig, wanted, identity->cert);
    (void)snprintf(wanted, sizeof wanted, "RIG_%s_KEY", variable);
    rig_value(rig, wanted, identity->key);
}

static void add_client(const struct rig *rig, struct hostile_identity *identity, const char *name,
                       const struct pki *ca)
{
    struct pki *client = pki_client(ca, name);
    identity->name = name;
    (void)snprintf(identity->cert, sizeof identity->cert, "%s/tls/%s.pem", rig->dir, name);
    (void)snprintf(identity->key, sizeof identity->key, "%s/tls/%s.key", rig->dir, name);
    pki_write_certificate(client, identity->cert);
    pki_write_key(client, identity->key);
    pki_free(client);
}

static void make_identities(const struct rig *rig, struct hostile_identity *identities)
{
    char cert[RIG_VALUE_MAX];
    char key[RIG_VALUE_MAX];
    (void)snprintf(cert, sizeof cert, "%s/tls/ca.pem", rig->dir);
    (void)snprintf(key, sizeof key, "%s/tls/ca.key", rig->dir);
    struct pki *ca = pki_load(cert, key);
    struct pki *stranger = pki_root("Somebody else's CA");
    add_role(rig, &identities[HOSTILE_STATION], "station", "STATION");
    add_role(rig, &identities[1], "operator", "OPERATOR");
    add_role(rig, &identities[2], "auditor", "AUDITOR");
    add_role(rig, &identities[3], "administrator", "ADMIN");
    add_role(rig, &identities[4], "metrics", "METRICS");
    add_client(rig, &identities[5], "unknown", ca);
    add_client(rig, &identities[6], "disabled", ca);
    add_client(rig, &identities[7], "stranger", stranger);
    identities[8].name = "nobody";
    pki_free(ca);
    pki_free(stranger);
    ck_assert_int_eq(rig_shell(rig, "$BIN/provctl --config $RIG_CONFIG station add disabled "
                                    "--certificate $DIR/tls/disabled.pem >/dev/null && "
                                    "$BIN/provctl --config $RIG_CONFIG station disable disabled "
                                    ">/dev/null"),
                     0);
}

/* ---- what they know ---- */

static void add_value(struct hostile_world *world, const char *name, const char *value)
{
    size_t i = 0;
    while (world->values[i].name != NULL)
        i++;
    ck_assert_uint_lt(i + 1, HOSTILE_VALUES_MAX);
    world->values[i].name = name;
    (void)snprintf(world->values[i].value, sizeof world->values[i].value, "%s", value);
}

static void make_world(const struct rig *rig, const struct devices *devices,
                       struct hostile_world *world)
{
    struct http_answer answer;
    char source[RIG_VALUE_MAX];
    (void)snprintf(source, sizeof source, "%s/api/openapi.yaml", PROVISIOND_SOURCE_DIR);
    world->route_count = hostile_routes_read(source, world->routes);
    world->devices = devices;
    http_send(rig,
              &(struct http_request){
                  .method = "POST", .path = "/v1/licenses", .body = devices->bodies[0]},
              &answer);
    ck_assert_int_eq(answer.status, 201);
    add_value(world, "{license_id}", http_text(&answer, "license_id"));
    add_value(world, "{install_id}", http_text(&answer, "install_id"));
    add_value(world, "{product}", rig->product);
    add_value(world, "{digest}", rig->image);
    add_value(world, "{FwId}", rig->st_fwid);
    add_value(world, "{tile}", "0/000.p/1");
    add_value(world, "{station}", "station-1");
    add_value(world, "{grant_id}", "01900000-0000-7000-8000-000000000000");
    add_value(world, "{problem}", "quota-spent");
    http_answer_clear(&answer);
}

void hostile_site_make(const struct rig *rig, size_t devices, struct hostile_site *ret_site)
{
    *ret_site = (struct hostile_site){0};
    make_identities(rig, ret_site->identities);
    devices_make(rig, "hostile", devices, &ret_site->devices);
    make_world(rig, &ret_site->devices, &ret_site->world);
}

void hostile_site_clear(struct hostile_site *site)
{
    devices_clear(&site->devices);
}
