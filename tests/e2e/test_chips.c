/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Chips at the service's door: certificates, licenses and images of the profile st-sfi. */
#include "e2e/chip.h"
#include "e2e/floor.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/run.h"

static struct rig rig;

static void set_up(void)
{
    http_init();
    rig_up(&rig, 30);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

/* ---- the main job ---- */

static struct chip_memory memory;

static void assert_installs_firmware(const struct chip *chip, const uint8_t *license)
{
    static const char options[] = "rig option bytes: closed, debug off";
    static uint8_t firmware[CHIP_FLASH_BYTES];
    FILE *file = fopen(rig.firmware, "re");
    ck_assert_ptr_nonnull(file);
    memset(firmware, 0xff, sizeof firmware);
    ck_assert_uint_gt(fread(firmware, 1, sizeof firmware, file), 100000);
    (void)fclose(file);
    chip_install(chip, license, rig.st_image_file, &memory);
    ck_assert_mem_eq(memory.flash, firmware, sizeof firmware);
    ck_assert_uint_eq(memory.options_length, sizeof options - 1);
    ck_assert_mem_eq(memory.options, options, sizeof options - 1);
    ck_assert_uint_gt(memory.areas, 24); /* a few dozen blocks */
}

START_TEST(license_opens_on_its_chip_alone_and_the_image_with_it)
{
    struct chip chip;
    struct chip other;
    struct http_answer answer;
    uint8_t license[ST_CHIP_LICENSE_BYTES];
    chip_make(&rig, NULL, &chip);
    chip_make(&rig, NULL, &other);
    http_st_license(&rig, chip_certificate(&chip), &answer);
    ck_assert_int_eq(answer.status, 201);
    ck_assert_str_eq(http_text(&answer, "profile"), "st-sfi");
    ck_assert_str_eq(http_text(&answer, "image"), rig.st_image);
    chip_take_license(&answer, license);
    ck_assert(!chip_opens(&other, license));
    assert_installs_firmware(&chip, license);
    http_answer_clear(&answer);
    chip_clear(&chip);
    chip_clear(&other);
}
END_TEST

/* The maker gives the addresses and the option bytes; the site gets neither in clear. */
START_TEST(image_that_was_packed_at_home_installs_as_well)
{
    struct chip chip;
    struct http_answer answer;
    uint8_t license[ST_CHIP_LICENSE_BYTES];
    ck_assert_int_eq(
        rig_shell(&rig,
                  "cd $DIR && A=\"$BIN/provctl --config $RIG_CONFIG\" && mkdir home && $A hsm "
                  "transport-key >home/key && cp $RIG_FIRMWARE home/firmware && cp "
                  "option-bytes.bin home/options && (cd home && env -i $BIN/provctl image seal "
                  "--transport-key key --product $RIG_ST_PRODUCT --format st-sfi --address "
                  "0x08000000 --option-bytes options --out package firmware >digest "
                  "2>told) && grep -q 'option bytes' home/told && $A image import "
                  "home/package --product $RIG_ST_PRODUCT | cmp - home/digest && ln -s "
                  "vault/images/$(cut -c 8- home/digest) sealed"),
        0);
    (void)snprintf(rig.st_image_file, sizeof rig.st_image_file, "%s/sealed", rig.dir);
    chip_make(&rig, NULL, &chip);
    http_st_license(&rig, chip_certificate(&chip), &answer);
    ck_assert_int_eq(answer.status, 201);
    ck_assert_str_ne(http_text(&answer, "image"), rig.st_image);
    chip_take_license(&answer, license);
    assert_installs_firmware(&chip, license);
    http_answer_clear(&answer);
    chip_clear(&chip);
}
END_TEST

START_TEST(every_changed_bit_of_a_license_is_refused_by_the_chip)
{
    struct chip chip;
    struct http_answer answer;
    uint8_t license[ST_CHIP_LICENSE_BYTES];
    chip_make(&rig, NULL, &chip);
    http_st_license(&rig, chip_certificate(&chip), &answer);
    chip_take_license(&answer, license);
    for (size_t bit = 0; bit < 8 * sizeof license; bit++) {
        license[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert(!chip_opens(&chip, license));
        license[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    ck_assert(chip_opens(&chip, license));
    http_answer_clear(&answer);
    chip_clear(&chip);
}
END_TEST

START_TEST(same_certificate_again_is_the_same_136_bytes_and_no_charge)
{
    struct chip chip;
    struct http_answer first;
    struct http_answer again;
    chip_make(&rig, NULL, &chip);
    http_st_license(&rig, chip_certificate(&chip), &first);
    http_st_license(&rig, chip_certificate(&chip), &again);
    ck_assert_int_eq(first.status, 201);
    ck_assert_int_eq(again.status, 200);
    ck_assert_str_eq(http_text(&first, "license"), http_text(&again, "license"));
    ck_assert_int_eq(http_number(&first, "charged"), 1);
    ck_assert_int_eq(http_number(&again, "charged"), 0);
    ck_assert_int_eq(http_number(&again, "remaining"), 29);
    http_answer_clear(&first);
    http_answer_clear(&again);
    chip_clear(&chip);
}
END_TEST

/* ---- triage ---- */

static void expect_refusal(struct bytes certificate, const char *check)
{
    struct http_answer answer;
    http_st_license(&rig, certificate, &answer);
    ck_assert_int_eq(answer.status, 422);
    ck_assert_str_eq(http_problem(&answer), "device-not-genuine");
    ck_assert_str_eq(http_text(&answer, "check"), check);
    http_answer_clear(&answer);
}

static void expect_refused_id(const char *product_id, const char *check)
{
    struct chip chip;
    chip_make(&rig, product_id, &chip);
    expect_refusal(chip_certificate(&chip), check);
    chip_clear(&chip);
}

START_TEST(each_wrong_certificate_is_refused_by_name_and_costs_nothing)
{
    struct chip chip;
    chip_make(&rig, NULL, &chip);
    expect_refusal(bytes_of(chip.certificate, sizeof chip.certificate - 1), "st-length");
    expect_refused_id("4500200g", "st-product-id");
    expect_refused_id("45002101", "st-product-id");
    expect_refused_id("46202001", "st-family");
    expect_refused_id("45003001", "st-security-counter");
    chip.certificate[100] ^= 1;
    expect_refusal(chip_certificate(&chip), "st-signature");
    chip.certificate[8] ^= 1;
    expect_refusal(chip_certificate(&chip), "st-point");
    chip_clear(&chip);
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM charge"), 0);
}
END_TEST

START_TEST(same_key_under_another_product_id_is_a_conflict)
{
    struct chip chip;
    struct http_answer answer;
    chip_make(&rig, NULL, &chip);
    http_st_license(&rig, chip_certificate(&chip), &answer);
    ck_assert_int_eq(answer.status, 201);
    http_answer_clear(&answer);
    chip_rename(&rig, "4500200A", &chip);
    http_st_license(&rig, chip_certificate(&chip), &answer);
    ck_assert_int_eq(answer.status, 409);
    ck_assert_str_eq(http_problem(&answer), "device-identity-conflict");
    http_answer_clear(&answer);
    chip_clear(&chip);
}
END_TEST

START_TEST(devices_of_the_other_kind_are_refused_by_name)
{
    struct floor_device gateway;
    struct http_answer answer;
    floor_device_make(&rig, "gateway", NULL, &gateway);
    char *product = strdup(rig.product);
    (void)snprintf(rig.product, sizeof rig.product, "%s", rig.st_product);
    http_license(&rig, gateway.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 400);
    ck_assert_str_eq(http_problem(&answer), "bad-request");
    ck_assert_ptr_nonnull(strstr(http_text(&answer, "detail"), "st_certificate"));
    (void)snprintf(rig.product, sizeof rig.product, "%s", product);
    free(product);
    http_answer_clear(&answer);
}
END_TEST

/* ---- exposure ---- */

#define CTL "$RIG_BIN/provctl --config $RIG_CONFIG "

START_TEST(exposure_is_off_unless_a_product_allows_it)
{
    ck_assert_int_ne(rig_shell(&rig,
                               CTL "product create shy --profile st-sfi --st-product-id 45002001 "
                                   "--anchors $DIR/st-ca/ca.pub.pem --quota 1 2>$DIR/refusal"),
                     0);
    ck_assert_int_eq(rig_shell(&rig, "grep -q allow-session-key-exposure $DIR/refusal"), 0);
    ck_assert_int_eq(
        rig_shell(&rig, CTL "product show $RIG_ST_PRODUCT | grep -qi 'exposure.*allowed'"), 0);
    ck_assert_int_eq(
        rig_shell(&rig, CTL "product show $RIG_PRODUCT | grep -qi 'exposure.*not allowed'"), 0);
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) LIKE "
                                     "'%\"session_key_exposure\":true%product-created%'"),
                     1);
}
END_TEST

/* ---- the drop-in route and the one command ---- */

#define CURL "curl -sS --cacert $RIG_CA --cert $RIG_STATION_CERT --key $RIG_STATION_KEY "

static void write_certificate(const struct chip *chip)
{
    char path[TEMP_PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/cert.bin", rig.dir);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(chip->certificate, 1, sizeof chip->certificate, file),
                      sizeof chip->certificate);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(early_license_server_form_gives_the_same_bytes)
{
    struct chip chip;
    chip_make(&rig, NULL, &chip);
    write_certificate(&chip);
    ck_assert_int_eq(
        rig_shell(&rig, "cd $DIR && " CURL
                        "-F dev_certificate_file=@cert.bin -o license.bin -w '%%{http_code}' "
                        "\"$RIG_URL/fw/sfi/$RIG_ST_FWID/get/license?user=station%%20one\" >code && "
                        "grep -qx 201 code && test $(wc -c <license.bin) = 136"),
        0);
    ck_assert_int_eq(
        rig_shell(&rig, "cd $DIR && PROVCTL_URL=$RIG_URL PROVCTL_CA=$RIG_CA "
                        "PROVCTL_CERT=$RIG_STATION_CERT PROVCTL_KEY=$RIG_STATION_KEY "
                        "PROVCTL_PRODUCT=$RIG_ST_PRODUCT $RIG_BIN/provctl license "
                        "--st-certificate cert.bin --out again.bin >line && "
                        "grep -q 'charged=no remaining=29' line && cmp license.bin again.bin"),
        0);
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM install WHERE operator = 'station one'"),
                     1);
    chip_clear(&chip);
}
END_TEST

START_TEST(early_image_form_gives_the_image)
{
    ck_assert_int_eq(rig_shell(&rig, "cd $DIR && " CURL
                                     "-o image.bin $RIG_URL/fw/sfi/$RIG_ST_FWID/get/image && "
                                     "cmp image.bin $RIG_ST_IMAGE_FILE"),
                     0);
    ck_assert_int_eq(rig_shell(&rig, CURL "-o $DIR/problem -w '%%{http_code}' "
                                          "$RIG_URL/fw/sfi/nobody/get/image | grep -qx 404"),
                     0);
}
END_TEST

START_TEST(disabled_image_is_called_disabled_under_its_alias)
{
    ck_assert_int_eq(rig_shell(&rig, CTL "image disable --product $RIG_ST_PRODUCT $RIG_ST_IMAGE"),
                     0);
    ck_assert_int_eq(rig_shell(&rig, CURL "-o $DIR/problem -w '%%{http_code}' "
                                          "$RIG_URL/fw/sfi/$RIG_ST_FWID/get/image | grep -qx 404 "
                                          "&& grep -q 'The image is disabled' $DIR/problem"),
                     0);
    ck_assert_int_eq(rig_shell(&rig,
                               CTL "image alias --product $RIG_ST_PRODUCT $RIG_ST_IMAGE next "
                                   ">$DIR/said 2>$DIR/noted && grep -q \"now; it was called "
                                   "$RIG_ST_FWID.$\" $DIR/said && grep -q disabled $DIR/noted"),
                     0);
}
END_TEST

/* ---- many at once ---- */

struct shot {
    pthread_t thread;
    const struct chip *chip;
    struct http_answer answer;
};

static void *shoot(void *argument)
{
    struct shot *shot = argument;
    http_st_license(&rig, chip_certificate(shot->chip), &shot->answer);
    return NULL;
}

#define RACE_CHIPS 30

START_TEST(racing_requests_for_a_chip_get_one_license_and_one_charge)
{
    static struct chip chips[RACE_CHIPS];
    static struct shot shots[2 * RACE_CHIPS];
    for (size_t i = 0; i < RACE_CHIPS; i++)
        chip_make(&rig, NULL, &chips[i]);
    for (size_t i = 0; i < 2 * RACE_CHIPS; i++) {
        shots[i].chip = &chips[i % RACE_CHIPS];
        ck_assert_int_eq(pthread_create(&shots[i].thread, NULL, shoot, &shots[i]), 0);
    }
    for (size_t i = 0; i < 2 * RACE_CHIPS; i++)
        ck_assert_int_eq(pthread_join(shots[i].thread, NULL), 0);
    for (size_t i = 0; i < RACE_CHIPS; i++) {
        struct http_answer *a = &shots[i].answer;
        struct http_answer *b = &shots[i + RACE_CHIPS].answer;
        ck_assert_int_eq(a->status + b->status, 200 + 201);
        ck_assert_str_eq(http_text(a, "license"), http_text(b, "license"));
        http_answer_clear(a);
        http_answer_clear(b);
        chip_clear(&chips[i]);
    }
    ck_assert_int_eq(rig_query(&rig, "SELECT used FROM product WHERE name = 'rig-mcu'"),
                     RACE_CHIPS);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        license_opens_on_its_chip_alone_and_the_image_with_it,
        image_that_was_packed_at_home_installs_as_well,
        every_changed_bit_of_a_license_is_refused_by_the_chip,
        same_certificate_again_is_the_same_136_bytes_and_no_charge,
        each_wrong_certificate_is_refused_by_name_and_costs_nothing,
        same_key_under_another_product_id_is_a_conflict,
        devices_of_the_other_kind_are_refused_by_name,
        exposure_is_off_unless_a_product_allows_it,
        early_license_server_form_gives_the_same_bytes,
        early_image_form_gives_the_image,
        disabled_image_is_called_disabled_under_its_alias,
        racing_requests_for_a_chip_get_one_license_and_one_charge,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "chips",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 120,
                                        .tests = tests});
}
