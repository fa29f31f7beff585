/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Keys and certificates by libcrypto, enrolment by provctl. */
#include "stations.h"

#include <stdio.h>
#include <stdlib.h>

#include <check.h>
#include <jansson.h>

#define NAME_SIZE 64
#define PATH_SIZE (TEMP_PATH_MAX + 2 * NAME_SIZE)

static void write_certificates(const struct rig *rig, const char *prefix, struct stations *stations)
{
    char cert[PATH_SIZE];
    char key[PATH_SIZE];
    char name[NAME_SIZE];
    (void)snprintf(cert, sizeof cert, "%s/tls/ca.pem", rig->dir);
    (void)snprintf(key, sizeof key, "%s/tls/ca.key", rig->dir);
    struct pki *ca = pki_load(cert, key);
    for (size_t i = 0; i < stations->count; i++) {
        (void)snprintf(name, sizeof name, "%s-%zu", prefix, i);
        stations->list[i] = pki_client(ca, name);
        (void)snprintf(cert, sizeof cert, "%s/tls/%s.pem", rig->dir, name);
        pki_write_certificate(stations->list[i], cert);
    }
    pki_free(ca);
}

void stations_enrol(const struct rig *rig, const char *prefix, size_t count,
                    struct stations *ret_stations)
{
    ret_stations->count = count;
    ret_stations->list = calloc(count, sizeof(struct pki *));
    ck_assert_ptr_nonnull(ret_stations->list);
    write_certificates(rig, prefix, ret_stations);
    ck_assert_int_eq(rig_shell(rig,
                               "i=0; while [ $i -lt %zu ]; do "
                               "$BIN/provctl --config $RIG_CONFIG station add %s-$i "
                               "--certificate $DIR/tls/%s-$i.pem >/dev/null || exit 1; "
                               "i=$((i+1)); done",
                               count, prefix, prefix),
                     0);
}

void stations_clear(struct stations *stations)
{
    for (size_t i = 0; i < stations->count; i++)
        pki_free(stations->list[i]);
    free(stations->list);
    *stations = (struct stations){0};
}

char *device_body(const struct rig *rig, const struct pki *device, const char *image,
                  const char *line)
{
    json_t *body = json_pack("{ss s{ss}}", "product", rig->product, "device", "certificate_chain",
                             pki_certificate(device));
    if (image != NULL)
        (void)json_object_set_new(body, "image", json_string(image));
    if (line != NULL)
        (void)json_object_set_new(body, "context", json_pack("{ss}", "line", line));
    char *text = json_dumps(body, JSON_COMPACT);
    ck_assert_ptr_nonnull(text);
    json_decref(body);
    return text;
}

void devices_make(const struct rig *rig, const char *prefix, size_t count,
                  struct devices *ret_devices)
{
    char serial[NAME_SIZE];
    struct pki *ca = pki_load(rig->device_ca_cert, rig->device_ca_key);
    ret_devices->count = count;
    ret_devices->bodies = calloc(count, sizeof *ret_devices->bodies);
    ck_assert_ptr_nonnull(ret_devices->bodies);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(serial, sizeof serial, "%s-%zu", prefix, i);
        struct pki *device = pki_device(ca, serial);
        ret_devices->bodies[i] = device_body(rig, device, NULL, NULL);
        pki_free(device);
    }
    pki_free(ca);
}

void devices_clear(struct devices *devices)
{
    for (size_t i = 0; i < devices->count; i++)
        free(devices->bodies[i]);
    free(devices->bodies);
    *devices = (struct devices){0};
}
