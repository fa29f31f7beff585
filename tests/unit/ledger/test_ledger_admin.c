/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Products, quota, images, stations: what is kept, what clashes, what is refused before a row. */
#include <stdlib.h>
#include <string.h>

#include "world.h"

static struct world world;

static void setup(void)
{
    world_make(&world, 10);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static struct ledger_product_new product_new(const char *name)
{
    return (struct ledger_product_new){.name = name,
                                       .profile = "sealed-v1",
                                       .policy = LEDGER_PER_DEVICE,
                                       .quota = 3,
                                       .anchors = bytes_of("PEM", 3)};
}

static enum error create(const struct ledger_product_new *product)
{
    return ledger_product_create(world.ledger, product, WORLD_BY, &world.fault);
}

/* ---- products ---- */

START_TEST(a_product_is_read_as_it_was_made)
{
    struct ledger_product product;
    char *pem = NULL;
    size_t length = 0;
    ck_assert_int_eq(ledger_product_get(world.ledger, WORLD_PRODUCT, &product, &world.fault), 0);
    ck_assert_str_eq(product.name, WORLD_PRODUCT);
    ck_assert_str_eq(product.profile, "sealed-v1");
    ck_assert_int_eq(product.policy, LEDGER_PER_DEVICE);
    ck_assert_mem_eq(product.firmware_key, ((uint8_t[LEDGER_KEY_ID_BYTES]){1, 2, 3}),
                     LEDGER_KEY_ID_BYTES);
    ck_assert_int_eq(product.quota, 10);
    ck_assert_int_eq(product.used, 0);
    ck_assert(product.is_enabled);
    ck_assert_int_eq(ledger_product_anchors(world.ledger, product.id, &pem, &length, &world.fault),
                     ERR_OK);
    ck_assert_str_eq(pem, "-----BEGIN CERTIFICATE-----\n");
    ck_assert_uint_eq(length, strlen(pem));
    free(pem);
}
END_TEST

START_TEST(exposure_is_off_and_settings_are_none_unless_given)
{
    struct ledger_product product;
    ck_assert_int_eq(ledger_product_get(world.ledger, WORLD_PRODUCT, &product, &world.fault), 0);
    ck_assert(!product.allows_key_exposure);
    ck_assert_str_eq(product.options, "");
}
END_TEST

static bool keep_options(void *context, const struct ledger_product *product)
{
    if (product->allows_key_exposure)
        strcpy(context, product->options);
    return true;
}

START_TEST(exposure_and_settings_are_read_as_they_were_given)
{
    struct ledger_product product;
    char listed[LEDGER_OPTIONS_MAX + 1] = "";
    char options[LEDGER_OPTIONS_MAX + 2];
    struct ledger_product_new gadget = product_new("gadget");
    memset(options, 'x', sizeof options - 1);
    options[LEDGER_OPTIONS_MAX + 1] = '\0';
    gadget.allows_key_exposure = true;
    gadget.options = options;
    ck_assert_int_eq(create(&gadget), ERR_BAD_REQUEST);
    ck_assert_str_eq(world.fault.reason, "options");
    options[LEDGER_OPTIONS_MAX] = '\0';
    ck_assert_int_eq(create(&gadget), ERR_OK);
    ck_assert_int_eq(ledger_product_get(world.ledger, "gadget", &product, &world.fault), ERR_OK);
    ck_assert(product.allows_key_exposure);
    ck_assert_str_eq(product.options, options);
    ck_assert_int_eq(ledger_products_each(world.ledger, keep_options, listed, &world.fault),
                     ERR_OK);
    ck_assert_str_eq(listed, options);
}
END_TEST

START_TEST(a_product_name_is_taken_once)
{
    struct ledger_product_new product = product_new(WORLD_PRODUCT);
    ck_assert_int_eq(create(&product), ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "product-exists");
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"product-created\""), 1);
}
END_TEST

START_TEST(the_largest_anchors_fit_and_one_byte_more_does_not)
{
    static uint8_t pem[LEDGER_ANCHORS_MAX + 1];
    struct ledger_product_new product = product_new("gadget");
    memset(pem, 'x', sizeof pem);
    product.anchors = bytes_of(pem, sizeof pem);
    ck_assert_int_eq(create(&product), ERR_BAD_REQUEST);
    product.anchors = bytes_of(pem, LEDGER_ANCHORS_MAX);
    ck_assert_int_eq(create(&product), ERR_OK);
}
END_TEST

START_TEST(a_product_outside_the_limits_is_refused)
{
    struct ledger_product_new product = product_new("no spaces");
    ck_assert_int_eq(create(&product), ERR_BAD_REQUEST);
    product = product_new("gadget");
    product.profile = "a-name-of-16-by-";
    ck_assert_int_eq(create(&product), ERR_BAD_REQUEST);
    product = product_new("gadget");
    product.quota = -1;
    ck_assert_int_eq(create(&product), ERR_BAD_REQUEST);
    product.quota = LEDGER_QUOTA_MAX + 1;
    ck_assert_int_eq(create(&product), ERR_BAD_REQUEST);
    product = product_new("gadget");
    product.policy = 3;
    ck_assert_int_eq(create(&product), ERR_BAD_REQUEST);
    product = product_new("gadget");
    product.attempts_max = LEDGER_ATTEMPTS_MAX + 1;
    ck_assert_int_eq(create(&product), ERR_BAD_REQUEST);
    product = product_new("gadget");
    product.options = "{\"product_id\":\"\xff\"}";
    ck_assert_int_eq(create(&product), ERR_BAD_REQUEST);
    product = product_new("gadget");
    ck_assert_int_eq(ledger_product_create(world.ledger, &product, "\xff", &world.fault),
                     ERR_BAD_REQUEST);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM product"), 1);
}
END_TEST

START_TEST(an_unknown_product_is_named_as_such)
{
    struct ledger_product product;
    struct ledger_usage usage;
    struct ledger_image image = world_image(2);
    char *pem = NULL;
    size_t length = 0;
    int64_t quota = 0;
    struct ledger *ledger = world.ledger;
    struct fault *fault = &world.fault;
    ck_assert_int_eq(ledger_product_get(ledger, "none", &product, fault), ERR_PRODUCT_UNKNOWN);
    ck_assert_int_eq(ledger_usage(ledger, "none", &usage, fault), ERR_PRODUCT_UNKNOWN);
    ck_assert_int_eq(ledger_product_anchors(ledger, 99, &pem, &length, fault), ERR_PRODUCT_UNKNOWN);
    ck_assert_int_eq(ledger_quota_add(ledger, "none", 1, WORLD_BY, &quota, fault),
                     ERR_PRODUCT_UNKNOWN);
    ck_assert_int_eq(ledger_image_add(ledger, "none", &image, WORLD_BY, fault),
                     ERR_PRODUCT_UNKNOWN);
    ck_assert_int_eq(ledger_image_enable(ledger, "none", &image.digest, true, WORLD_BY, fault),
                     ERR_PRODUCT_UNKNOWN);
    const struct ledger_naming naming = {.product = "none", .digest = image.digest, .alias = "a"};
    ck_assert_int_eq(ledger_image_alias(ledger, &naming, WORLD_BY, NULL, fault),
                     ERR_PRODUCT_UNKNOWN);
}
END_TEST

START_TEST(quota_grows_by_whole_units_up_to_its_limit)
{
    int64_t quota = 0;
    struct ledger *ledger = world.ledger;
    struct fault *fault = &world.fault;
    ck_assert_int_eq(ledger_quota_add(ledger, WORLD_PRODUCT, 5, WORLD_BY, &quota, fault), ERR_OK);
    ck_assert_int_eq(quota, 15);
    ck_assert_int_eq(ledger_quota_add(ledger, WORLD_PRODUCT, 0, WORLD_BY, &quota, fault),
                     ERR_BAD_REQUEST);
    ck_assert_int_eq(ledger_quota_add(ledger, WORLD_PRODUCT, -1, WORLD_BY, &quota, fault),
                     ERR_BAD_REQUEST);
    ck_assert_int_eq(
        ledger_quota_add(ledger, WORLD_PRODUCT, LEDGER_QUOTA_MAX, WORLD_BY, &quota, fault),
        ERR_BAD_REQUEST);
    ck_assert_int_eq(
        ledger_quota_add(ledger, WORLD_PRODUCT, LEDGER_QUOTA_MAX - 15, WORLD_BY, &quota, fault),
        ERR_OK);
    ck_assert_int_eq(world_usage(&world).granted, LEDGER_QUOTA_MAX);
}
END_TEST

/* ---- images ---- */

START_TEST(an_image_is_read_as_it_was_added)
{
    struct ledger_image made = world_image(1);
    struct ledger_image read;
    ck_assert_int_eq(
        ledger_image_get(world.ledger, world.product_id, &made.digest, &read, &world.fault), 0);
    ck_assert(sha256_equal(&read.digest, &made.digest));
    ck_assert_int_eq(read.size, made.size);
    ck_assert_str_eq(read.label, "v1");
    ck_assert_uint_eq(read.session_key_length, made.session_key_length);
    ck_assert_mem_eq(read.session_key, made.session_key, made.session_key_length);
    ck_assert_uint_eq(read.iv_length, 12);
    ck_assert_mem_eq(read.tag, made.tag, LEDGER_TAG_BYTES);
    ck_assert(read.is_enabled);
}
END_TEST

START_TEST(a_form_of_content_is_read_as_it_was_added)
{
    struct ledger_image made = world_image(2);
    struct ledger_image read;
    strcpy(made.content, "aes-128-ctr");
    made.iv_length = LEDGER_IV_MAX;
    made.tag_length = 0;
    ck_assert_int_eq(ledger_image_add(world.ledger, WORLD_PRODUCT, &made, WORLD_BY, &world.fault),
                     ERR_OK);
    ck_assert_int_eq(
        ledger_image_get(world.ledger, world.product_id, &made.digest, &read, &world.fault), 0);
    ck_assert_str_eq(read.content, "aes-128-ctr");
    ck_assert_uint_eq(read.iv_length, LEDGER_IV_MAX);
    ck_assert_uint_eq(read.tag_length, 0);
    ck_assert_int_eq(world_leaves_with(&world, "\"content\":\"aes-128-ctr\""), 1);
    /* That of the first image is its profile's default, of which no leaf speaks. */
    ck_assert_int_eq(world_leaves_with(&world, "\"content\""), 1);
}
END_TEST

START_TEST(a_tag_of_another_length_is_refused)
{
    struct ledger_image image = world_image(2);
    image.tag_length = LEDGER_TAG_BYTES - 1;
    ck_assert_int_eq(ledger_image_add(world.ledger, WORLD_PRODUCT, &image, WORLD_BY, &world.fault),
                     ERR_BAD_REQUEST);
    ck_assert_str_eq(world.fault.reason, "tag");
}
END_TEST

START_TEST(one_session_key_serves_one_image_ever)
{
    struct ledger_product_new product = product_new("gadget");
    struct ledger_image image = world_image(2);
    const struct ledger_image first = world_image(1);
    memcpy(image.session_key, first.session_key, sizeof image.session_key);
    ck_assert_int_eq(create(&product), ERR_OK);
    ck_assert_int_eq(ledger_image_add(world.ledger, WORLD_PRODUCT, &image, WORLD_BY, &world.fault),
                     ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "session-key-used");
    ck_assert_int_eq(ledger_image_add(world.ledger, "gadget", &image, WORLD_BY, &world.fault),
                     ERR_CONFLICT);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM image"), 1);
}
END_TEST

/* Under one key and nonce, whoever has both images has the difference of their contents. */
START_TEST(an_st_sfi_product_never_has_two_images_under_one_key_and_nonce)
{
    struct ledger_product_new product = product_new("chip");
    struct ledger_image first = world_image(2);
    struct ledger_image second = world_image(3);
    product.profile = "st-sfi";
    first.session_key_length = 24; /* an AES-128 key, wrapped */
    memset(first.iv, 7, first.iv_length);
    memcpy(second.session_key, first.session_key, sizeof first.session_key);
    memcpy(second.iv, first.iv, sizeof first.iv);
    second.session_key_length = first.session_key_length;
    ck_assert_int_eq(create(&product), ERR_OK);
    ck_assert_int_eq(ledger_image_add(world.ledger, "chip", &first, WORLD_BY, &world.fault),
                     ERR_OK);
    ck_assert_int_eq(ledger_image_add(world.ledger, "chip", &second, WORLD_BY, &world.fault),
                     ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "session-key-used");
    /* Another nonce makes no difference: one key, one image. */
    second.iv[0] ^= 1;
    ck_assert_int_eq(ledger_image_add(world.ledger, "chip", &second, WORLD_BY, &world.fault),
                     ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "session-key-used");
}
END_TEST

START_TEST(one_digest_is_one_image_of_a_product)
{
    struct ledger_image image = world_image(1);
    struct ledger_product_new product = product_new("gadget");
    image.session_key[0] ^= 1;
    ck_assert_int_eq(ledger_image_add(world.ledger, WORLD_PRODUCT, &image, WORLD_BY, &world.fault),
                     ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "image-exists");
    ck_assert_int_eq(create(&product), ERR_OK);
    ck_assert_int_eq(ledger_image_add(world.ledger, "gadget", &image, WORLD_BY, &world.fault),
                     ERR_OK);
}
END_TEST

START_TEST(latest_is_the_newest_enabled_image)
{
    struct ledger_image image;
    const struct sha256 second = world_digest('i', 2);
    int64_t id = world_add_image(&world, 2);
    ck_assert_int_eq(ledger_image_get(world.ledger, world.product_id, NULL, &image, &world.fault),
                     0);
    ck_assert_int_eq(image.id, id);
    ck_assert_int_eq(
        ledger_image_enable(world.ledger, WORLD_PRODUCT, &second, false, WORLD_BY, &world.fault),
        ERR_OK);
    ck_assert_int_eq(ledger_image_get(world.ledger, world.product_id, NULL, &image, &world.fault),
                     0);
    ck_assert_int_eq(image.id, world.image_id);
    ck_assert_int_eq(
        ledger_image_get(world.ledger, world.product_id, &second, &image, &world.fault),
        ERR_IMAGE_UNKNOWN);
    ck_assert_str_eq(world.fault.reason, "image-disabled");
}
END_TEST

START_TEST(without_an_image_the_answer_says_which_kind_of_none)
{
    struct ledger_image image;
    struct ledger_product product;
    const struct sha256 none = world_digest('i', 99);
    struct ledger_product_new gadget = product_new("gadget");
    ck_assert_int_eq(create(&gadget), ERR_OK);
    ck_assert_int_eq(ledger_product_get(world.ledger, "gadget", &product, &world.fault), ERR_OK);
    ck_assert_int_eq(ledger_image_get(world.ledger, product.id, NULL, &image, &world.fault),
                     ERR_IMAGE_UNKNOWN);
    ck_assert_str_eq(world.fault.reason, "no-image");
    ck_assert_int_eq(ledger_image_get(world.ledger, product.id, &none, &image, &world.fault),
                     ERR_IMAGE_UNKNOWN);
    ck_assert_str_eq(world.fault.reason, "image-unknown");
}
END_TEST

START_TEST(an_image_exists_while_it_is_enabled_in_an_enabled_product)
{
    const struct sha256 digest = world_digest('i', 1);
    ck_assert_int_eq(ledger_image_exists(world.ledger, &digest, &world.fault), ERR_OK);
    ck_assert_int_eq(world_execute(&world, "UPDATE product SET is_enabled = 0"), 0);
    ck_assert_int_eq(ledger_image_exists(world.ledger, &digest, &world.fault), ERR_IMAGE_UNKNOWN);
    ck_assert_int_eq(world_execute(&world, "UPDATE product SET is_enabled = 1"), 0);
    world_reopen(&world);
    ck_assert_int_eq(
        ledger_image_enable(world.ledger, WORLD_PRODUCT, &digest, false, WORLD_BY, &world.fault),
        ERR_OK);
    ck_assert_int_eq(ledger_image_exists(world.ledger, &digest, &world.fault), ERR_IMAGE_UNKNOWN);
}
END_TEST

/* Who writes the file of a ledger that is open, and takes it back, is noticed all the same. */
START_TEST(nothing_is_written_after_another_program_wrote_the_file)
{
    struct ledger_issued issued;
    int64_t before = world_number(&world, "SELECT count(*) FROM charge");
    ck_assert_int_eq(world_issue(&world, 101, &issued), ERR_OK);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM charge"),
                     before + 1); /* reading is free */
    ck_assert_int_eq(world_issue(&world, 102, &issued), ERR_OK);
    ck_assert_int_eq(ledger_broken_check(world.ledger, &world.fault), ERR_OK);
    ck_assert_int_eq(world_execute(&world, "UPDATE product SET accepted = accepted + 5"), 0);
    ck_assert_int_eq(world_issue(&world, 103, &issued), ERR_LEDGER_UNAVAILABLE);
    ck_assert_int_eq(ledger_broken_check(world.ledger, &world.fault), ERR_LEDGER_UNAVAILABLE);
    ck_assert_str_eq(world.fault.reason, "ledger-changed");
    ck_assert_int_eq(world_switch(&world, "st-2", true), ERR_LEDGER_UNAVAILABLE);
    ck_assert_str_eq(world.fault.reason, "ledger-changed");
    ck_assert_int_eq(world_execute(&world, "UPDATE product SET accepted = accepted - 5"), 0);
    ck_assert_int_eq(world_issue(&world, 103, &issued), ERR_LEDGER_UNAVAILABLE);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM charge"), before + 2);
    world_reopen(&world);
    ck_assert_int_eq(ledger_broken_check(world.ledger, &world.fault), ERR_OK);
    ck_assert_int_eq(world_issue(&world, 103, &issued), ERR_OK);
}
END_TEST

START_TEST(a_disabled_product_is_still_read)
{
    struct ledger_product product;
    struct ledger_issued issued;
    ck_assert_int_eq(world_execute(&world, "UPDATE product SET is_enabled = 0"), 0);
    world_reopen(&world);
    ck_assert_int_eq(ledger_product_get(world.ledger, WORLD_PRODUCT, &product, &world.fault), 0);
    ck_assert(!product.is_enabled);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_PRODUCT_UNKNOWN);
}
END_TEST

/* ---- names of images ---- */

static struct ledger_named named; /* what the last of these answered */

static enum error name_image(const char *product, int64_t n, const char *alias)
{
    const struct sha256 digest = world_digest('i', n);
    const struct ledger_naming naming = {.product = product, .digest = digest, .alias = alias};
    return ledger_image_alias(world.ledger, &naming, WORLD_BY, &named, &world.fault);
}

static void assert_alias(const char *alias, const char *product, int64_t n)
{
    struct ledger_alias found;
    const struct sha256 digest = world_digest('i', n);
    ck_assert_int_eq(ledger_alias_get(world.ledger, alias, &found, &world.fault), ERR_OK);
    ck_assert_str_eq(found.product, product);
    ck_assert(sha256_equal(&found.digest, &digest));
}

static void assert_no_alias(const char *alias)
{
    struct ledger_alias found;
    ck_assert_int_eq(ledger_alias_get(world.ledger, alias, &found, &world.fault),
                     ERR_IMAGE_UNKNOWN);
    ck_assert_str_eq(world.fault.reason, "alias-unknown");
}

START_TEST(an_image_is_found_by_its_name)
{
    struct ledger_image image;
    assert_no_alias("current");
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, "current"), ERR_OK);
    assert_alias("current", WORLD_PRODUCT, 1);
    ck_assert_int_eq(ledger_image_get(world.ledger, world.product_id, NULL, &image, &world.fault),
                     0);
    ck_assert_str_eq(image.alias, "current");
    assert_no_alias("Current");
    assert_no_alias("");
}
END_TEST

static void add_image(const char *product, int64_t n)
{
    struct ledger_image image = world_image(n);
    ck_assert_int_eq(ledger_image_add(world.ledger, product, &image, WORLD_BY, &world.fault),
                     ERR_OK);
}

static void refuse_name(const char *product, int64_t n, const char *alias, const char *reason)
{
    ck_assert_int_eq(name_image(product, n, alias), ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, reason);
    ck_assert_str_ne(world.fault.detail, "");
}

START_TEST(a_name_moves_from_the_image_of_the_product_that_had_it)
{
    const struct sha256 first = world_digest('i', 1);
    add_image(WORLD_PRODUCT, 2);
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, "current"), ERR_OK);
    ck_assert(!named.is_moved);
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 2, "current"), ERR_OK);
    assert_alias("current", WORLD_PRODUCT, 2);
    ck_assert(named.is_moved);
    ck_assert(sha256_equal(&named.moved_from, &first));
    struct ledger_image image;
    ck_assert_int_eq(ledger_image_get(world.ledger, world.product_id, &first, &image, &world.fault),
                     ERR_OK);
    ck_assert_str_eq(image.alias, "");
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 2, "current"), ERR_OK);
    ck_assert(!named.is_moved);
}
END_TEST

/* A line asks by the name alone: it would get the firmware of another product. */
START_TEST(a_name_of_another_product_is_not_taken_away)
{
    struct ledger_product_new gadget = product_new("gadget");
    ck_assert_int_eq(create(&gadget), ERR_OK);
    add_image("gadget", 2);
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, "current"), ERR_OK);
    ck_assert_int_eq(name_image("gadget", 2, "mine"), ERR_OK);
    refuse_name("gadget", 2, "current", "alias-taken");
    assert_alias("current", WORLD_PRODUCT, 1);
    assert_alias("mine", "gadget", 2);
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, ""), ERR_OK);
    ck_assert_int_eq(name_image("gadget", 2, "current"), ERR_OK);
    assert_alias("current", "gadget", 2);
}
END_TEST

START_TEST(two_images_of_one_digest_in_two_products_are_two)
{
    struct ledger_product_new gadget = product_new("gadget");
    struct ledger_image image = world_image(2);
    ck_assert_int_eq(create(&gadget), ERR_OK);
    image.digest = world_digest('i', 1);
    ck_assert_int_eq(ledger_image_add(world.ledger, "gadget", &image, WORLD_BY, &world.fault),
                     ERR_OK);
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, "current"), ERR_OK);
    refuse_name("gadget", 1, "current", "alias-taken");
}
END_TEST

START_TEST(names_that_differ_in_case_only_are_refused)
{
    struct ledger_product_new gadget = product_new("gadget");
    ck_assert_int_eq(create(&gadget), ERR_OK);
    add_image("gadget", 2);
    add_image(WORLD_PRODUCT, 3);
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, "Pump-7"), ERR_OK);
    refuse_name("gadget", 2, "pump-7", "alias-case");
    refuse_name(WORLD_PRODUCT, 3, "PUMP-7", "alias-case");
    assert_no_alias("pump-7");
    assert_alias("Pump-7", WORLD_PRODUCT, 1);
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, "pump-7"), ERR_OK);
    assert_alias("pump-7", WORLD_PRODUCT, 1);
    ck_assert(!named.is_moved);
    ck_assert_str_eq(named.was_called, "Pump-7");
}
END_TEST

START_TEST(latest_is_no_name)
{
    static const char *const names[] = {"latest", "LATEST", "Latest", "lAtEsT"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, names[i]), ERR_BAD_REQUEST);
        ck_assert_str_eq(world.fault.reason, "alias");
    }
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, "latest-1"), ERR_OK);
}
END_TEST

START_TEST(an_image_has_its_last_name_only)
{
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, "spring"), ERR_OK);
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, "summer"), ERR_OK);
    ck_assert_str_eq(named.was_called, "spring");
    assert_no_alias("spring");
    assert_alias("summer", WORLD_PRODUCT, 1);
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, "summer"), ERR_OK);
    ck_assert_str_eq(named.was_called, "");
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, ""), ERR_OK);
    ck_assert_str_eq(named.was_called, "summer");
    assert_no_alias("summer");
}
END_TEST

START_TEST(a_name_stands_for_a_disabled_image_too)
{
    const struct sha256 digest = world_digest('i', 1);
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, "current"), ERR_OK);
    ck_assert(named.is_enabled);
    ck_assert_int_eq(
        ledger_image_enable(world.ledger, WORLD_PRODUCT, &digest, false, WORLD_BY, &world.fault),
        ERR_OK);
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, "current"), ERR_OK);
    ck_assert(!named.is_enabled);
    assert_alias("current", WORLD_PRODUCT, 1);
}
END_TEST

START_TEST(a_name_outside_the_limits_or_of_no_image_is_refused)
{
    char longest[LEDGER_NAME_MAX + 2];
    memset(longest, 'a', sizeof longest - 1);
    longest[LEDGER_NAME_MAX + 1] = '\0';
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, longest), ERR_BAD_REQUEST);
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, "no spaces"), ERR_BAD_REQUEST);
    ck_assert_int_eq(name_image("no spaces", 1, "current"), ERR_BAD_REQUEST);
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 99, "current"), ERR_IMAGE_UNKNOWN);
    ck_assert_str_eq(world.fault.reason, "image-unknown");
    assert_no_alias("current");
    longest[LEDGER_NAME_MAX] = '\0';
    ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, longest), ERR_OK);
    assert_alias(longest, WORLD_PRODUCT, 1);
}
END_TEST

START_TEST(a_new_image_has_no_name)
{
    struct ledger_image image = world_image(2);
    strcpy(image.alias, "current");
    ck_assert_int_eq(ledger_image_add(world.ledger, WORLD_PRODUCT, &image, WORLD_BY, &world.fault),
                     ERR_OK);
    assert_no_alias("current");
}
END_TEST

/* ---- lists ---- */

struct count {
    int rows;
    int most;
    int64_t last_id;
};

static bool count_row(struct count *count, int64_t id)
{
    ck_assert_int_gt(id, count->last_id);
    count->last_id = id;
    return ++count->rows < count->most;
}

static bool count_product(void *context, const struct ledger_product *product)
{
    return count_row(context, product->id);
}

static bool count_image(void *context, const struct ledger_image *image)
{
    return count_row(context, image->id);
}

static bool count_principal(void *context, const struct ledger_principal *principal)
{
    return count_row(context, principal->id);
}

START_TEST(lists_are_whole_and_oldest_first)
{
    struct count products = {.most = 100};
    struct count images = {.most = 100};
    struct count principals = {.most = 100};
    struct ledger_product_new gadget = product_new("gadget");
    ck_assert_int_eq(create(&gadget), ERR_OK);
    for (int64_t n = 2; n <= 5; n++)
        (void)world_add_image(&world, n);
    ck_assert_int_eq(ledger_products_each(world.ledger, count_product, &products, &world.fault), 0);
    ck_assert_int_eq(
        ledger_images_each(world.ledger, world.product_id, count_image, &images, &world.fault), 0);
    ck_assert_int_eq(
        ledger_principals_each(world.ledger, count_principal, &principals, &world.fault), 0);
    ck_assert_int_eq(products.rows, 2);
    ck_assert_int_eq(images.rows, 5);
    ck_assert_int_eq(principals.rows, 2);
}
END_TEST

START_TEST(a_list_stops_when_it_is_told_to)
{
    struct count images = {.most = 2};
    for (int64_t n = 2; n <= 5; n++)
        (void)world_add_image(&world, n);
    ck_assert_int_eq(
        ledger_images_each(world.ledger, world.product_id, count_image, &images, &world.fault), 0);
    ck_assert_int_eq(images.rows, 2);
}
END_TEST

START_TEST(a_switch_that_does_not_move_leaves_no_leaf)
{
    const struct sha256 digest = world_digest('i', 1);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ledger_image_enable(world.ledger, WORLD_PRODUCT, &digest, false, WORLD_BY,
                                             &world.fault),
                         ERR_OK);
        ck_assert_int_eq(world_switch(&world, "st-1", false), ERR_OK);
        ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, ""), ERR_OK);
    }
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"image-alias\""), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(name_image(WORLD_PRODUCT, 1, "current"), ERR_OK);
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"image-alias\""), 1);
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"image-disabled\""), 1);
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"principal-disabled\""), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("administration");
    TCase *tcase = tcase_create("administration");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, nothing_is_written_after_another_program_wrote_the_file);
    tcase_add_test(tcase, a_product_is_read_as_it_was_made);
    tcase_add_test(tcase, exposure_is_off_and_settings_are_none_unless_given);
    tcase_add_test(tcase, exposure_and_settings_are_read_as_they_were_given);
    tcase_add_test(tcase, a_product_name_is_taken_once);
    tcase_add_test(tcase, the_largest_anchors_fit_and_one_byte_more_does_not);
    tcase_add_test(tcase, a_product_outside_the_limits_is_refused);
    tcase_add_test(tcase, an_unknown_product_is_named_as_such);
    tcase_add_test(tcase, quota_grows_by_whole_units_up_to_its_limit);
    tcase_add_test(tcase, an_image_is_read_as_it_was_added);
    tcase_add_test(tcase, a_form_of_content_is_read_as_it_was_added);
    tcase_add_test(tcase, a_tag_of_another_length_is_refused);
    tcase_add_test(tcase, one_session_key_serves_one_image_ever);
    tcase_add_test(tcase, an_st_sfi_product_never_has_two_images_under_one_key_and_nonce);
    tcase_add_test(tcase, one_digest_is_one_image_of_a_product);
    tcase_add_test(tcase, latest_is_the_newest_enabled_image);
    tcase_add_test(tcase, without_an_image_the_answer_says_which_kind_of_none);
    tcase_add_test(tcase, an_image_exists_while_it_is_enabled_in_an_enabled_product);
    tcase_add_test(tcase, a_disabled_product_is_still_read);
    tcase_add_test(tcase, an_image_is_found_by_its_name);
    tcase_add_test(tcase, a_name_moves_from_the_image_of_the_product_that_had_it);
    tcase_add_test(tcase, a_name_of_another_product_is_not_taken_away);
    tcase_add_test(tcase, two_images_of_one_digest_in_two_products_are_two);
    tcase_add_test(tcase, names_that_differ_in_case_only_are_refused);
    tcase_add_test(tcase, latest_is_no_name);
    tcase_add_test(tcase, an_image_has_its_last_name_only);
    tcase_add_test(tcase, a_name_stands_for_a_disabled_image_too);
    tcase_add_test(tcase, a_name_outside_the_limits_or_of_no_image_is_refused);
    tcase_add_test(tcase, a_new_image_has_no_name);
    tcase_add_test(tcase, lists_are_whole_and_oldest_first);
    tcase_add_test(tcase, a_list_stops_when_it_is_told_to);
    tcase_add_test(tcase, a_switch_that_does_not_move_leaves_no_leaf);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
