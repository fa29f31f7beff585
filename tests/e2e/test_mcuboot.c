/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Images of MCUboot over REST: one that was signed and encrypted once becomes an image of its own
 * for each device, which a judge boots by the published layout (tests/judge/open_mcuboot.py).
 */
#include "e2e/floor.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "support/run.h"

#define DEVICE_COUNT 3

static struct rig rig;

#define SHELL(...) ck_assert_int_eq(rig_shell(&rig, __VA_ARGS__), 0)
#define CTL        "$BIN/provctl --config $RIG_CONFIG "
/* ask PRODUCT DEVICE OUT: its image; prints the status, leaves the headers in OUT.head. */
#define ASK                                                                                \
    "cd $DIR && ask() { jq -n --arg p $1 --rawfile c $2.pem '{product: $p, device: "       \
    "{certificate_chain: $c}}' | curl -s --cacert $RIG_CA --cert $RIG_STATION_CERT --key " \
    "$RIG_STATION_KEY -H 'Content-Type: application/json' -H 'Accept: "                    \
    "application/vnd.provisiond.device-image' -d @- -o $3 -D $3.head -w '%%{http_code}' "  \
    "$RIG_URL/v1/licenses; } && "
/* boot IMAGE DEVICE: what was signed, in `booted`. */
#define BOOT                                                                             \
    "boot() { rm -f booted; /usr/bin/python3 -B $SOURCE/tests/judge/open_mcuboot.py $1 " \
    "$2.key signer.pem booted; } && "

static void set_up(void)
{
    rig_up_profiles(&rig, 20);
    SHELL("openssl pkey -in $RIG_MCUBOOT_SIGNING_KEY -pubout -out $DIR/signer.pem");
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

static int64_t used(const char *product)
{
    char query[128];
    (void)snprintf(query, sizeof query, "SELECT used FROM product WHERE name = '%s'", product);
    return rig_query(&rig, query);
}

/* What MCUboot signs is the image up to its TLV area. */
START_TEST(each_of_three_devices_boots_its_own_image_and_no_other_does)
{
    struct floor_device device;
    for (int i = 0; i < DEVICE_COUNT; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "d%d", i);
        floor_device_make(&rig, name, &(struct floor_options){0}, &device);
        SHELL(ASK "[ $(ask $RIG_MCUBOOT_PRODUCT %s %s.img) = 201 ]", name, name);
    }
    for (int image = 0; image < DEVICE_COUNT; image++) {
        SHELL(ASK BOOT "boot d%d.img d%d && head -c $(stat -c %%s booted) "
                       "$RIG_MCUBOOT_FIRMWARE | cmp - booted",
              image, image);
        for (int key = 0; key < DEVICE_COUNT; key++) {
            if (key != image)
                SHELL(ASK BOOT "! boot d%d.img d%d 2>said && grep -q HMAC said", image, key);
        }
    }
    ck_assert_int_eq(used("rig-mcuboot"), DEVICE_COUNT);
}
END_TEST

static void ask_again(const struct floor_device *device, size_t bytes)
{
    struct http_answer answer;
    json_t *question = json_pack("{ss s{ss}}", "product", "rig-mcuboot", "device",
                                 "certificate_chain", device->pem);
    char *body = json_dumps(question, 0);
    http_send(&rig,
              &(struct http_request){.method = "POST",
                                     .path = "/v1/licenses",
                                     .body = body,
                                     .accept = "application/vnd.provisiond.device-image"},
              &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(answer.length, bytes);
    http_answer_clear(&answer);
    free(body);
    json_decref(question);
}

static size_t size_of(const char *name)
{
    char path[TEMP_PATH_MAX + 64];
    struct stat info;
    (void)snprintf(path, sizeof path, "%s/%s", rig.dir, name);
    ck_assert_int_eq(stat(path, &info), 0);
    return (size_t)info.st_size;
}

/* The TLV and the image, by provctl or by the service, are two forms of one license. */
START_TEST(who_asks_again_gets_the_same_bytes_and_pays_once)
{
    struct floor_device device;
    floor_device_make(&rig, "again", &(struct floor_options){0}, &device);
    SHELL(ASK "[ $(ask $RIG_MCUBOOT_PRODUCT again one.img) = 201 ] && "
              "[ $(ask $RIG_MCUBOOT_PRODUCT again two.img) = 200 ] && cmp one.img two.img && "
              "grep -qi '^content-type: application/vnd.provisiond.device-image' one.img.head && "
              "grep -qi '^provision-charged: true' one.img.head && "
              "grep -qi '^provision-attempt: 2' two.img.head && "
              "grep -qi '^provision-profile: mcuboot' two.img.head");
    SHELL("cd $DIR && $BIN/provctl license --url $RIG_URL --ca $RIG_CA --cert $RIG_STATION_CERT "
          "--key $RIG_STATION_KEY --product $RIG_MCUBOOT_PRODUCT --device-cert again.pem --out "
          "again.lic >/dev/null && $BIN/provctl mcuboot attach $RIG_MCUBOOT_IMAGE_FILE again.lic "
          "--out three.img && cmp one.img three.img");
    ask_again(&device, size_of("one.img"));
    ck_assert_int_eq(used("rig-mcuboot"), 1);
}
END_TEST

START_TEST(a_product_without_images_of_devices_says_so_and_charges_nothing)
{
    struct floor_device device;
    floor_device_make(&rig, "gateway", &(struct floor_options){0}, &device);
    SHELL(ASK "[ $(ask $RIG_CMS_PRODUCT gateway refused) = 406 ] && "
              "jq -e '.type | endswith(\"/not-acceptable\")' refused >said && "
              "jq -e '.detail | contains(\"two things\")' refused >said");
    ck_assert_int_eq(used("rig-cms"), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_of_three_devices_boots_its_own_image_and_no_other_does,
        who_asks_again_gets_the_same_bytes_and_pays_once,
        a_product_without_images_of_devices_says_so_and_charges_nothing,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "images of MCUboot",
                                        .timeout_s = 120,
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .tests = tests});
}
