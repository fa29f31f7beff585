/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A journal that was properly signed and whose leaves break a rule: what somebody could write who
 * has the HSM. Each rule has its own word.
 */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "core/clock.h"
#include "judge.h"
#include "support/run.h"

static struct judge judge;
static struct maker *maker;

/* Two products, three images, two stations, one scrap unit; device 1 has a license. */
static void set_up(void)
{
    judge_init(&judge);
    maker = &judge.maker;
    maker_local_product(maker, "widget", 4, "per-device");
    maker_local_product(maker, "gadget", 4, "per-license");
    maker_station(maker, "st-1");
    maker_station(maker, "st-2");
    maker_image(maker, "widget", 1);
    maker_image(maker, "widget", 2);
    maker_image(maker, "gadget", 3);
    maker_leaf(maker, "scrap-allowance-added",
               "\"allowance\":1,\"by\":\"uid:0\",\"product\":\"widget\",", ",\"units\":1");
    maker_license(
        maker, &(struct maker_license){.product = "widget", .device = 1, .image = 1, .install = 1});
}

static void tear_down(void)
{
    judge_clear(&judge);
}

static size_t widget(unsigned device, unsigned image, unsigned install, unsigned unit)
{
    return maker_license(maker, &(struct maker_license){.product = "widget",
                                                        .device = device,
                                                        .image = image,
                                                        .install = install,
                                                        .unit = unit});
}

static size_t repeat(unsigned attempt)
{
    return maker_license(
        maker, &(struct maker_license){
                   .product = "widget", .device = 1, .image = 1, .install = 1, .attempt = attempt});
}

static void rebind(unsigned from, unsigned to)
{
    char old_key[SHA256_HEX_SIZE], new_key[SHA256_HEX_SIZE];
    maker_leaf(maker, "device-rebound",
               MAKER_FORMAT("\"by\":\"uid:0\",\"new_key\":\"%s\",\"old_key\":\"%s\","
                            "\"product\":\"widget\",\"serial\":\"SN-%u\",",
                            maker_digest("device", to, new_key),
                            maker_digest("device", from, old_key), from),
               "");
}

/* ---- the ways ---- */

static void charge_twice(void)
{
    widget(1, 2, 2, 0);
}

static void charge_nothing(void)
{
    widget(2, 1, 2, 1);
}

static void charge_no_license(void)
{
    maker_license(maker,
                  &(struct maker_license){
                      .product = "gadget", .device = 1, .image = 3, .install = 2, .unit = 1});
}

static void spend_more(void)
{
    for (unsigned device = 2; device < 6; device++) /* the fifth of four units */
        widget(device, 1, device, 0);
}

static void name_other_unit(void)
{
    widget(2, 1, 2, 0);
    widget(2, 2, 3, 1);
}

static void license_twice(void)
{
    widget(1, 1, 2, 1);
}

static void use_install_twice(void)
{
    widget(2, 1, 1, 0);
}

static void change_serial(void)
{
    maker_replace(maker, widget(1, 2, 2, 1), "\"serial\":\"SN-1\"", "\"serial\":\"SN-9\"");
}

static void change_key(void)
{
    maker_replace(maker, widget(2, 1, 2, 0), "\"serial\":\"SN-2\"", "\"serial\":\"SN-1\"");
}

static void license_scrapped(void)
{
    maker_outcome(maker, 1, "scrapped", 1, ",\"scrap_drawn\":true");
    widget(1, 2, 2, 1);
}

static void report_scrapped(void)
{
    maker_outcome(maker, 1, "scrapped", 1, ",\"scrap_drawn\":true");
    maker_outcome(maker, 1, "succeeded", 1, "");
}

static void draw_twice(void)
{
    maker_outcome(maker, 1, "scrapped", 1, ",\"scrap_drawn\":true");
    maker_outcome(maker, 1, "scrapped", 1, ",\"scrap_drawn\":true");
}

static void draw_too_much(void)
{
    widget(2, 1, 2, 0);
    maker_outcome(maker, 1, "scrapped", 1, ",\"scrap_drawn\":true");
    maker_outcome(maker, 2, "scrapped", 1, ",\"scrap_drawn\":true");
}

static void draw_nothing(void)
{
    maker_outcome(maker, 1, "scrapped", 1, ",\"scrap_drawn\":false");
}

static void forget_scrap(void)
{
    maker_outcome(maker, 1, "scrapped", 1, "");
}

static void skip_attempt(void)
{
    repeat(3);
}

static void repeat_attempt(void)
{
    repeat(2);
    repeat(2);
}

static void report_other_attempt(void)
{
    maker_outcome(maker, 1, "failed", 2, "");
}

static void repeat_other_license(void)
{
    char one[SHA256_HEX_SIZE], two[SHA256_HEX_SIZE];
    maker_replace(maker, repeat(2), maker_digest("license", 1, one),
                  maker_digest("license", 2, two));
}

static void repeat_unknown(void)
{
    char one[37], two[37];
    maker_replace(maker, repeat(2), maker_uuid(1, one), maker_uuid(2, two));
}

static void report_unknown(void)
{
    maker_outcome(maker, 9, "failed", 1, "");
}

static void list_for_unknown_product(void)
{
    char list[SHA256_HEX_SIZE], signer[SHA256_HEX_SIZE];
    maker_leaf(maker, "devices-allowed",
               MAKER_FORMAT("\"added\":1,\"by\":\"uid:0\",\"devices\":1,\"document\":\"%s\","
                            "\"product\":\"nothing\",\"spki\":\"%s\",",
                            maker_digest("list", 1, list), maker_digest("signer", 1, signer)),
               "");
}

static void serve_unknown_image(void)
{
    widget(2, 9, 2, 0);
}

static void serve_disabled_image(void)
{
    char image[SHA256_HEX_SIZE];
    maker_leaf(maker, "image-disabled",
               MAKER_FORMAT("\"by\":\"uid:0\",\"image\":\"sha256:%s\",\"product\":\"widget\",",
                            maker_digest("image", 2, image)),
               "");
    widget(2, 2, 2, 0);
}

static void serve_unknown_station(void)
{
    maker_license(
        maker, &(struct maker_license){
                   .product = "widget", .device = 2, .image = 1, .install = 2, .station = "st-9"});
}

static void serve_disabled_station(void)
{
    maker_leaf(maker, "principal-disabled", "\"by\":\"uid:0\",\"principal\":\"st-1\",", "");
    widget(2, 1, 2, 0);
}

/* ---- principals ---- */

static void narrow(const char *name, const char *lines, const char *products)
{
    maker_leaf(maker, "principal-narrowed",
               MAKER_FORMAT("\"by\":\"uid:0\",%s\"principal\":\"%s\",%s", lines, name, products),
               "");
}

static void enrol(const char *name, const char *role, const char *key)
{
    char spki[SHA256_HEX_SIZE];
    maker_leaf(maker, "principal-added",
               MAKER_FORMAT("\"by\":\"uid:0\",\"principal\":\"%s\",\"role\":\"%s\","
                            "\"spki\":\"%s\",",
                            name, role, maker_digest(key, 0, spki)),
               "");
}

static void move_key(const char *type, const char *name, const char *key, unsigned number)
{
    char spki[SHA256_HEX_SIZE];
    maker_leaf(maker, type,
               MAKER_FORMAT("\"by\":\"uid:0\",\"principal\":\"%s\",\"spki\":\"%s\",", name,
                            maker_digest(key, number, spki)),
               "");
}

static void ask_on_line(const char *line, unsigned device, unsigned install, unsigned attempt)
{
    maker_license(maker, &(struct maker_license){.product = "widget",
                                                 .device = device,
                                                 .image = 1,
                                                 .install = install,
                                                 .attempt = attempt,
                                                 .line = line});
}

static void report_by(const char *name)
{
    size_t leaf = maker_outcome(maker, 1, "failed", 1, "");
    maker_replace(maker, leaf, "st-1", name);
}

static void report_by_disabled_station(void)
{
    maker_leaf(maker, "principal-disabled", "\"by\":\"uid:0\",\"principal\":\"st-2\",", "");
    report_by("st-2");
}

static void serve_operator(void)
{
    enrol("op-1", "operator", "op-1");
    maker_license(
        maker, &(struct maker_license){
                   .product = "widget", .device = 2, .image = 1, .install = 2, .station = "op-1"});
}

static void report_by_operator(void)
{
    enrol("admin-1", "administrator", "admin-1");
    report_by("admin-1");
}

static void serve_other_product(void)
{
    narrow("st-1", "", "\"products\":\"gadget\\n\",");
    widget(2, 1, 2, 0);
}

static void repeat_other_product(void)
{
    narrow("st-1", "", "\"products\":\"gadget\\nwidgets\\n\",");
    repeat(2);
}

static void report_other_product(void)
{
    narrow("st-1", "", "\"products\":\"gadget\\n\",");
    maker_outcome(maker, 1, "failed", 1, "");
}

static void serve_other_line(void)
{
    narrow("st-1", "\"lines\":\"2\\n3\\n\",", "");
    ask_on_line("1", 2, 2, 0);
}

/* The list says 2\\n and a newline: a line of three signs, and no line 2. */
static void serve_no_line(void)
{
    narrow("st-1", "\"lines\":\"2\\\\n\\n\",", "");
    ask_on_line(NULL, 2, 2, 0);
}

static void repeat_other_line(void)
{
    narrow("st-1", "\"lines\":\"2\\\\n\\n\",", "");
    ask_on_line("2", 1, 1, 2);
}

static void narrow_unknown_station(void)
{
    narrow("st-9", "", "");
}

static void give_key_to_unknown(void)
{
    move_key("principal-key-added", "st-9", "new", 1);
}

static void take_key_from_unknown(void)
{
    move_key("principal-key-removed", "st-9", "st-1", 0);
}

static void enrol_taken_key(void)
{
    enrol("op-1", "operator", "st-1");
}

static void give_taken_key(void)
{
    move_key("principal-key-added", "st-1", "st-2", 0);
}

static void take_other_key(void)
{
    move_key("principal-key-removed", "st-1", "st-2", 0);
}

static void take_key_twice(void)
{
    move_key("principal-key-added", "st-1", "new", 1);
    move_key("principal-key-removed", "st-1", "new", 1);
    move_key("principal-key-removed", "st-1", "new", 1);
}

static void take_last_key(void)
{
    move_key("principal-key-removed", "st-1", "st-1", 0);
}

static void give_fifth_key(void)
{
    for (unsigned n = 1; n <= 4; n++)
        move_key("principal-key-added", "st-1", "new", n);
}

static void write_wrong_role(void)
{
    enrol("op-1", "boss", "op-1");
}

static void write_list_without_end(void)
{
    narrow("st-2", "\"lines\":\"2\\n3\",", "");
}

static void write_list_with_hole(void)
{
    narrow("st-2", "", "\"products\":\"gadget\\n\\n\",");
}

/* All of it as it should be: nothing is found. */
static void be_honest(void)
{
    enrol("admin-1", "administrator", "admin-1");
    narrow("st-1", "\"lines\":\"1\\n\\u00E4\\n\",", "\"products\":\"gadget\\nwidget\\n\",");
    ask_on_line("\\u00E4", 2, 2, 0);
    ask_on_line("1", 2, 2, 2);
    maker_outcome(maker, 2, "failed", 2, "");
    for (unsigned n = 1; n <= 3; n++)
        move_key("principal-key-added", "st-1", "new", n);
    move_key("principal-key-removed", "st-1", "st-1", 0);
    move_key("principal-key-added", "st-2", "st-1", 0);
    move_key("principal-key-added", "st-1", "new", 4);
    narrow("st-1", "", "");
    ask_on_line(NULL, 3, 3, 0);
}

static void serve_unknown_product(void)
{
    maker_license(
        maker, &(struct maker_license){.product = "thing", .device = 2, .image = 1, .install = 2});
}

#define NO_BYTES   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SOME_BYTES "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void bring_crls(const char *product, const char *digest, int lists)
{
    maker_leaf(maker, "crls-set",
               MAKER_FORMAT("\"by\":\"uid:0\",\"crls\":\"%s\",\"lists\":%d,\"older\":false,"
                            "\"product\":\"%s\",",
                            digest, lists, product),
               "");
}

static void bring_crls_to_unknown_product(void)
{
    bring_crls("thing", SOME_BYTES, 1);
}

static void bring_lists_of_no_bytes(void)
{
    bring_crls("widget", NO_BYTES, 1);
}

static void bring_bytes_of_no_list(void)
{
    bring_crls("widget", SOME_BYTES, 0);
}

static void say_other_quota(void)
{
    maker_leaf(maker, "quota-added", "\"by\":\"uid:0\",\"product\":\"widget\",\"quota\":12,",
               ",\"units\":7");
}

static void say_other_allowance(void)
{
    maker_leaf(maker, "scrap-allowance-added",
               "\"allowance\":3,\"by\":\"uid:0\",\"product\":\"widget\",", ",\"units\":1");
}

static void add_too_much(void)
{
    maker_leaf(maker, "quota-added",
               "\"by\":\"uid:0\",\"product\":\"widget\",\"quota\":1000000000004,",
               ",\"units\":1000000000000");
}

static void use_replaced_key(void)
{
    rebind(1, 2);
    widget(1, 2, 2, 1);
}

#define STANDBY   "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define TRANSPORT "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static void tell_of_standby(const char *type, const char *before)
{
    maker_leaf(maker, type,
               MAKER_FORMAT("\"by\":\"uid:0\",%s\"spki\":\"" TRANSPORT "\",\"standby\":\"" STANDBY
                            "\",",
                            before),
               "");
}

static void add_standby_twice(void)
{
    tell_of_standby("standby-added", "\"name\":\"b\",");
    tell_of_standby("standby-added", "\"name\":\"b\",");
}

static void remove_unknown_standby(void)
{
    tell_of_standby("standby-removed", "\"name\":\"b\",");
}

static void export_to_nobody(void)
{
    tell_of_standby("session-keys-exported", "\"product\":\"widget\",");
}

static void export_after_removal(void)
{
    tell_of_standby("standby-added", "\"name\":\"b\",");
    tell_of_standby("session-keys-exported", "\"product\":\"widget\",");
    tell_of_standby("standby-removed", "\"name\":\"b\",");
    tell_of_standby("session-keys-exported", "\"product\":\"widget\",");
}

static void rebind_unknown(void)
{
    rebind(8, 9);
}

static void rebind_to_taken(void)
{
    widget(2, 1, 2, 0);
    rebind(1, 2);
}

static void make_product_twice(void)
{
    maker_local_product(maker, "widget", 1, "per-device");
}

static void add_image_twice(void)
{
    maker_image(maker, "widget", 1);
}

static void add_station_twice(void)
{
    maker_station(maker, "st-1");
}

static void switch_unknown_station(void)
{
    maker_leaf(maker, "principal-enabled", "\"by\":\"uid:0\",\"principal\":\"st-9\",", "");
}

static void go_back_in_time(void)
{
    maker->time_ms -= 2001;
    maker_leaf(maker, "stop", "", "");
}

static void say_clean(void)
{
    maker_leaf(maker, "start", "\"clean\":true,", "");
}

static void say_unclean(void)
{
    maker_leaf(maker, "stop", "", "");
    maker_leaf(maker, "start", "\"clean\":false,", "");
}

static void initialise_again(void)
{
    maker_leaf(maker, "initialised",
               MAKER_FORMAT("\"hsm\":\"%s\",\"site\":\"%s\",", maker->hsm_hex, MAKER_SITE), "");
}

static void begin_otherwise(void)
{
    maker_remove(maker, 0);
}

static void override_ahead(void)
{
    char root[SHA256_HEX_SIZE];
    maker_digest("root", 1, root);
    maker_leaf(maker, "override",
               MAKER_FORMAT("\"anchor_root\":\"%s\",\"anchor_size\":99,\"by\":\"uid:0\","
                            "\"head_root\":\"%s\",\"head_size\":99,",
                            root, root),
               "");
}

static void override_other_root(void)
{
    char root[SHA256_HEX_SIZE];
    maker_digest("root", 1, root);
    maker_leaf(maker, "override",
               MAKER_FORMAT("\"anchor_root\":\"%s\",\"anchor_size\":99,\"by\":\"uid:0\","
                            "\"head_root\":\"%s\",\"head_size\":5,",
                            root, root),
               "");
}

/* ---- firmware keys ---- */

/* The key of product "widget" of that generation, as the maker makes the first. */
static const char *key_of(unsigned generation)
{
    static const char *const KEYS[] = {"", "000102030405060708090a0b0c0d0e0f",
                                       "22222222222222222222222222222222",
                                       "33333333333333333333333333333333"};
    return KEYS[generation];
}

static size_t rotate_to(unsigned generation)
{
    return maker_leaf(maker, "firmware-key-rotated",
                      MAKER_FORMAT("\"by\":\"uid:0\",\"generation\":%u,\"images\":2,"
                                   "\"new_key\":\"%s\",\"old_key\":\"%s\","
                                   "\"product\":\"widget\",",
                                   generation, key_of(generation), key_of(generation - 1)),
                      "");
}

/* All backups from before the moment are gone, said a second later. */
static size_t destroy(unsigned generation)
{
    char before[TIMESTAMP_SIZE];
    timestamp_format(maker->time_ms, before);
    maker->time_ms += 1000;
    return maker_leaf(maker, "firmware-key-destroyed",
                      MAKER_FORMAT("\"by\":\"uid:0\",\"generation\":%u,\"key\":\"%s\","
                                   "\"no_backup_before\":\"%s\",\"product\":\"widget\",",
                                   generation, key_of(generation), before),
                      "");
}

static void keep_keys_well(void)
{
    rotate_to(2);
    widget(2, 1, 2, 0);
    maker_image(maker, "widget", 4);
    maker_replace(maker, rotate_to(3), "\"images\":2", "\"images\":3");
    destroy(2);
    destroy(1);
}

static void rotate_twice(void)
{
    rotate_to(2);
    rotate_to(2);
}

static void rotate_past(void)
{
    maker_replace(maker, rotate_to(2), "\"generation\":2", "\"generation\":3");
}

static void rotate_from_other(void)
{
    maker_replace(maker, rotate_to(2), key_of(1), "00000000000000000000000000000000");
}

static void rotate_back(void)
{
    rotate_to(2);
    maker_replace(maker, rotate_to(3), key_of(3), key_of(1));
}

static void rotate_too_few(void)
{
    maker_replace(maker, rotate_to(2), "\"images\":2", "\"images\":1");
}

static void write_wrong_key_id(void)
{
    maker_replace(maker, rotate_to(2), key_of(2), "2222");
}

static void destroy_in_use(void)
{
    rotate_to(2);
    destroy(2);
}

static void destroy_twice(void)
{
    rotate_to(2);
    destroy(1);
    destroy(1);
}

static void destroy_unknown(void)
{
    rotate_to(2);
    destroy(3);
}

static void destroy_too_early(void)
{
    char before[TIMESTAMP_SIZE];
    timestamp_format(maker->time_ms + 1000, before); /* what destroy will say */
    rotate_to(2);
    maker_replace(maker, destroy(1), before, "2026-11-27T14:00:00.000Z");
}

static void destroy_in_future(void)
{
    char before[TIMESTAMP_SIZE];
    timestamp_format(maker->time_ms + 1000, before);
    rotate_to(2);
    maker_replace(maker, destroy(1), before, "2027-11-27T14:00:00.000Z");
}

static void write_white_space(void)
{
    maker_replace(maker, widget(2, 1, 2, 0), "\"charged\":", "\"charged\": ");
}

static void write_other_version(void)
{
    maker_replace(maker, widget(2, 1, 2, 0), "\"v\":1", "\"v\":2");
}

static void leave_field_out(void)
{
    maker_replace(maker, widget(2, 1, 2, 0), "\"charged\":true,", "");
}

static void write_wrong_digest(void)
{
    maker_replace(maker, widget(2, 1, 2, 0), "\"device\":\"", "\"device\":\"0");
}

static void write_wrong_time(void)
{
    maker_replace(maker, widget(2, 1, 2, 0), "\"time\":\"2026-", "\"time\":\"2026-9");
}

static void write_too_much(void)
{
    char text[8300];
    (void)snprintf(text, sizeof text,
                   "{\"sky\":\"%8192d\",\"time\":\"2026-11-27T14:45:36.123Z\","
                   "\"type\":\"weather\",\"v\":1}",
                   0);
    maker_raw(maker, text);
}

static const struct {
    const char *word;
    void (*act)(void);
    const char *also; /* what follows from it */
} RULES[] = {
    {"charged-twice", charge_twice, NULL},
    {"not-charged", charge_nothing, NULL},
    {"not-charged", charge_no_license, NULL},
    {"above-granted", spend_more, "ledger-account"},
    {"unit-reference", name_other_unit, NULL},
    {"licensed-twice", license_twice, NULL},
    {"install-twice", use_install_twice, NULL},
    {"key-has-other-serial", change_serial, NULL},
    {"serial-has-other-key", change_key, NULL},
    {"after-scrapped", license_scrapped, NULL},
    {"after-scrapped", report_scrapped, NULL},
    {"scrap-drawn", draw_twice, NULL},
    {"scrap-drawn", draw_too_much, NULL},
    {"scrap-not-drawn", draw_nothing, NULL},
    {"leaf-field", forget_scrap, "scrap-not-drawn"},
    {"attempt-number", skip_attempt, NULL},
    {"attempt-number", repeat_attempt, NULL},
    {"attempt-number", report_other_attempt, NULL},
    {"reissue-differs", repeat_other_license, NULL},
    {"reissue-unknown", repeat_unknown, NULL},
    {"outcome-unknown", report_unknown, NULL},
    {"image-refused", serve_unknown_image, NULL},
    {"image-refused", serve_disabled_image, NULL},
    {"station-refused", serve_unknown_station, NULL},
    {"station-refused", serve_disabled_station, NULL},
    {"station-refused", report_by_disabled_station, NULL},
    {"role-refused", serve_operator, NULL},
    {"role-refused", report_by_operator, NULL},
    {"product-refused", serve_other_product, NULL},
    {"product-refused", repeat_other_product, NULL},
    {"product-refused", report_other_product, NULL},
    {"line-refused", serve_other_line, NULL},
    {"line-refused", serve_no_line, NULL},
    {"line-refused", repeat_other_line, NULL},
    {"product-unknown", serve_unknown_product, NULL},
    {"product-unknown", list_for_unknown_product, NULL},
    {"product-unknown", bring_crls_to_unknown_product, NULL},
    {"leaf-field", bring_lists_of_no_bytes, NULL},
    {"leaf-field", bring_bytes_of_no_list, NULL},
    {"quota-sum", say_other_quota, NULL},
    {"allowance-sum", say_other_allowance, NULL},
    {"units-limit", add_too_much, NULL},
    {"key-was-replaced", use_replaced_key, NULL},
    {"rebind-unknown", rebind_unknown, NULL},
    {"rebind-key-taken", rebind_to_taken, NULL},
    {"standby-twice", add_standby_twice, NULL},
    {"standby-unknown", remove_unknown_standby, NULL},
    {"standby-unknown", export_to_nobody, NULL},
    {"standby-unknown", export_after_removal, NULL},
    {"product-twice", make_product_twice, NULL},
    {"image-twice", add_image_twice, NULL},
    {"principal-twice", add_station_twice, NULL},
    {"principal-unknown", switch_unknown_station, NULL},
    {"principal-unknown", narrow_unknown_station, NULL},
    {"principal-unknown", give_key_to_unknown, NULL},
    {"principal-unknown", take_key_from_unknown, NULL},
    {"principal-key-taken", enrol_taken_key, NULL},
    {"principal-key-taken", give_taken_key, NULL},
    {"principal-key-unknown", take_other_key, NULL},
    {"principal-key-unknown", take_key_twice, NULL},
    {"principal-keys", take_last_key, NULL},
    {"principal-keys", give_fifth_key, NULL},
    {"time-back", go_back_in_time, NULL},
    {"start-flag", say_clean, NULL},
    {"start-flag", say_unclean, NULL},
    {"initialised-twice", initialise_again, NULL},
    {"no-start", begin_otherwise, NULL},
    {"override-head", override_ahead, NULL},
    {"override-head", override_other_root, NULL},
    {"firmware-key-order", rotate_twice, NULL},
    {"firmware-key-order", rotate_past, NULL},
    {"firmware-key-order", rotate_from_other, NULL},
    {"firmware-key-order", rotate_back, NULL},
    {"firmware-key-images", rotate_too_few, NULL},
    {"leaf-field", write_wrong_key_id, NULL},
    {"firmware-key-end", destroy_in_use, NULL},
    {"firmware-key-end", destroy_twice, NULL},
    {"firmware-key-end", destroy_unknown, NULL},
    {"firmware-key-end", destroy_too_early, NULL},
    {"firmware-key-end", destroy_in_future, NULL},
    {"leaf-not-canonical", write_white_space, NULL},
    {"leaf-version", write_other_version, NULL},
    {"leaf-field", leave_field_out, NULL},
    {"leaf-field", write_wrong_digest, NULL},
    {"leaf-field", write_wrong_time, NULL},
    {"leaf-field", write_wrong_role, NULL},
    {"leaf-field", write_list_without_end, NULL},
    {"leaf-field", write_list_with_hole, NULL},
    {"leaf-too-long", write_too_much, NULL},
};

START_TEST(the_journal_without_a_breach_holds)
{
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
}
END_TEST

START_TEST(lists_that_come_and_go_are_no_finding)
{
    bring_crls("widget", SOME_BYTES, 2);
    bring_crls("widget", NO_BYTES, 0);
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
}
END_TEST

START_TEST(principals_that_keep_to_their_scopes_and_keys_hold)
{
    be_honest();
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
}
END_TEST

START_TEST(keys_that_are_rotated_and_destroyed_in_order_hold)
{
    keep_keys_well();
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
}
END_TEST

START_TEST(broken_rule_has_its_own_word_and_no_other)
{
    RULES[_i].act();
    judge_settle_and_run(&judge);
    ck_assert_found(&judge, RULES[_i].word);
    for (size_t i = 0; i < judge.report.kind_count; i++) {
        const char *word = judge.report.kinds[i].word;
        bool is_allowed = strcmp(word, RULES[_i].word) == 0 ||
                          (RULES[_i].also != NULL && strcmp(word, RULES[_i].also) == 0);
        ck_assert_msg(is_allowed, "%s: %s", RULES[_i].word, judge_text(&judge));
    }
}
END_TEST

START_TEST(finding_names_the_leaf_and_the_product)
{
    charge_twice();
    judge_settle_and_run(&judge);
    const struct audit_finding *finding = judge_find(&judge, "charged-twice");
    ck_assert_int_eq(finding->leaf, 11);
    ck_assert_ptr_nonnull(strstr(finding->text, "Leaf 11: it charges product widget"));
    ck_assert_ptr_nonnull(strstr(finding->text, "SN-1"));
}
END_TEST

START_TEST(thousand_breaches_are_counted_and_twenty_told)
{
    for (unsigned i = 0; i < 1000; i++)
        report_other_attempt();
    judge_settle_and_run(&judge);
    ck_assert_int_eq(judge_count(&judge, "attempt-number"), 1000);
    ck_assert_int_eq(judge.report.finding_total, 1000);
    ck_assert_uint_eq(judge.report.finding_count, AUDIT_FINDINGS_MAX);
}
END_TEST

int main(void)
{
    size_t rules = sizeof RULES / sizeof RULES[0];
    Suite *suite = suite_create("rules");
    TCase *all = tcase_create("rules");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, the_journal_without_a_breach_holds);
    tcase_add_test(all, lists_that_come_and_go_are_no_finding);
    tcase_add_test(all, principals_that_keep_to_their_scopes_and_keys_hold);
    tcase_add_test(all, keys_that_are_rotated_and_destroyed_in_order_hold);
    tcase_add_loop_test(all, broken_rule_has_its_own_word_and_no_other, 0, (int)rules);
    tcase_add_test(all, finding_names_the_leaf_and_the_product);
    tcase_add_test(all, thousand_breaches_are_counted_and_twenty_told);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
