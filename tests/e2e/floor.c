/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Devices are made by openssl in shell; the many ones by one shell for all. */
#include "e2e/floor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"

#define LICENSE_MAX 8192

static void read_pem(const struct rig *rig, struct floor_device *device)
{
    char path[TEMP_PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/%s.pem", rig->dir, device->name);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    size_t length = fread(device->pem, 1, sizeof device->pem - 1, file);
    ck_assert_uint_gt(length, 0);
    device->pem[length] = '\0';
    (void)fclose(file);
}

static const char *value_or(const char *value, const char *otherwise)
{
    return value != NULL ? value : otherwise;
}

void floor_device_make(const struct rig *rig, const char *name, const struct floor_options *options,
                       struct floor_device *ret_device)
{
    static const struct floor_options genuine;
    const struct floor_options *o = options != NULL ? options : &genuine;
    const char *serial = value_or(o->serial, name);
    const char *params = value_or(o->key_params, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    (void)snprintf(ret_device->name, sizeof ret_device->name, "%s", name);
    ck_assert_int_eq(
        rig_shell(rig,
                  "cd $DIR && exec 2>make-device.log && CA=%s && CA=${CA:-$DIR/device-ca/ca} && "
                  "if [ -n '%s' ]; then cp '%s.key' '%s.key'; "
                  "else openssl genpkey %s -out '%s.key'; fi && "
                  "printf 'basicConstraints=CA:FALSE\nkeyUsage=%s\n' > '%s.ext' && "
                  "openssl req -new -key '%s.key' -subj '/O=Floor%s%s/CN=%s' | "
                  "openssl x509 -req -CA \"$CA.pem\" -CAkey \"$CA.key\" %s -extfile '%s.ext' "
                  "-out '%s.pem'",
                  value_or(o->ca, ""), value_or(o->same_key, ""), value_or(o->same_key, ""), name,
                  params, name, value_or(o->key_usage, "critical,keyAgreement"), name, name,
                  serial[0] != '\0' ? "/serialNumber=" : "", serial, name,
                  value_or(o->dates, "-days 3650"), name, name),
        0);
    read_pem(rig, ret_device);
}

void floor_devices_make(const struct rig *rig, const char *prefix, size_t count,
                        struct floor_device *ret_devices)
{
    ck_assert_int_eq(
        rig_shell(rig,
                  "cd $DIR && exec 2>make-device.log && "
                  "printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,keyAgreement\n' > m.ext && "
                  "i=0; while [ $i -lt %zu ]; do n=%s-$i; "
                  "openssl ecparam -name prime256v1 -genkey -noout -out $n.key && "
                  "openssl req -new -key $n.key -subj /O=Floor/serialNumber=$n/CN=$n | "
                  "openssl x509 -req -CA device-ca/ca.pem -CAkey device-ca/ca.key -days 3650 "
                  "-extfile m.ext -out $n.pem || exit 1; i=$((i+1)); done",
                  count, prefix),
        0);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(ret_devices[i].name, sizeof ret_devices[i].name, "%s-%zu", prefix, i);
        read_pem(rig, &ret_devices[i]);
    }
}

int floor_opens(const struct rig *rig, const char *license_base64, const char *device_name)
{
    uint8_t license[LICENSE_MAX];
    char path[TEMP_PATH_MAX + 64];
    size_t length = 0;
    ck_assert_int_eq(base64_decode(license_base64, license, sizeof license, &length), ERR_OK);
    (void)snprintf(path, sizeof path, "%s/floor.lic", rig->dir);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(license, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
    int status = rig_shell(rig,
                           "cd $DIR && rm -f opened && openssl cms -decrypt -binary -inform DER "
                           "-in floor.lic -content $RIG_IMAGE_FILE -inkey '%s.key' -recip '%s.pem' "
                           "-out opened 2>/dev/null || exit 3; cmp -s opened $RIG_FIRMWARE",
                           device_name, device_name);
    ck_assert_msg(status == 0 || status == 3, "the license opened to something else");
    return status == 0;
}
