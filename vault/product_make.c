/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The checks of a product's settings, and its firmware key. Owns no state. */
#include "vault/product_make.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "device/device.h"
#include "device/list_signers.h"
#include "ledger/ledger.h"
#include "license/license.h"
#include "vault/device_settings.h"
#include "vault/product_options.h"

#define GENERATION_SIZE 24 /* of ":" and a number, with the terminating NUL */

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

/* Settings and anchors parse as what the profile's devices are judged by. */
static enum error check_st(const struct product_wish *wish, struct fault *fault)
{
    struct product_options options;
    struct st_anchors *anchors = NULL;
    enum error e = product_options_parse(wish->options, &options, fault);
    if (e == ERR_OK)
        e = st_anchors_new(wish->anchors, &options.device, &anchors, fault);
    if (e == ERR_OK)
        st_anchors_free(anchors);
    return e;
}

/* The keys that sign lists of devices. */
static enum error check_signers(const struct product_wish *wish, struct fault *fault)
{
    struct list_signers *signers = NULL;
    enum error e = list_signers_new(wish->anchors, &signers, fault);
    if (e == ERR_OK)
        list_signers_free(signers);
    return e;
}

static enum error check_x509(const struct license_profile *profile, const struct product_wish *wish,
                             struct fault *fault)
{
    struct device_settings settings;
    struct device_anchors *anchors = NULL;
    enum error e = device_settings_parse(profile, wish->options, &settings, fault);
    if (e == ERR_OK && settings.uses_list)
        return check_signers(wish, fault);
    if (e == ERR_OK)
        e = device_anchors_new(wish->anchors, &settings.policy, &anchors, fault);
    if (e == ERR_OK)
        device_anchors_free(anchors);
    return e;
}

enum error product_wish_check(const struct product_wish *wish, struct fault *fault)
{
    const struct license_profile *profile = license_profile_find(wish->profile);
    if (profile == NULL)
        return refuse(fault, "profile",
                      "There is no such license profile; there are cms, suit, mcuboot, jwe, "
                      "esp-rsa and st-sfi.");
    bool is_st = license_device_form(profile) == LICENSE_ST_DEVICE;
    if (is_st && wish->options[0] == '\0')
        return refuse(fault, "st", "The profile st-sfi needs a product ID.");
    if (license_exposes_session_key(profile) && !wish->allows_key_exposure)
        return refuse(fault, "exposure-not-allowed",
                      "This profile brings the session key into the HSM worker's memory for each "
                      "license; the product must allow it (--allow-session-key-exposure).");
    if (wish->anchors.length > LEDGER_ANCHORS_MAX)
        return refuse(fault, "anchors", "Trust anchors are at most 64 KiB of PEM.");
    return is_st ? check_st(wish, fault) : check_x509(profile, wish, fault);
}

/* ":2" of the second generation; the first has none. No name has a colon in it. */
static void format_generation(int64_t generation, char out[GENERATION_SIZE])
{
    out[0] = '\0';
    if (generation > 1)
        (void)snprintf(out, GENERATION_SIZE, ":%" PRId64, generation);
}

struct hsm_key_id product_firmware_key_id(const char *product, int64_t generation)
{
    char text[sizeof HSM_FIRMWARE_KEY_PREFIX + LEDGER_NAME_MAX + GENERATION_SIZE];
    char number[GENERATION_SIZE];
    struct hsm_key_id id;
    format_generation(generation, number);
    int length = snprintf(text, sizeof text, "%s%s%s", HSM_FIRMWARE_KEY_PREFIX, product, number);
    struct sha256 digest = sha256_of(bytes_of(text, (size_t)length));
    memcpy(id.bytes, digest.bytes, sizeof id.bytes);
    return id;
}

/* For people; the key is found by its id. A long name is cut. */
void product_firmware_key_label(const char *product, int64_t generation,
                                char out[HSM_LABEL_MAX_BYTES + 1])
{
    char number[GENERATION_SIZE];
    format_generation(generation, number);
    size_t room = HSM_LABEL_MAX_BYTES - strlen(HSM_FIRMWARE_KEY_PREFIX) - strlen(number);
    (void)snprintf(out, HSM_LABEL_MAX_BYTES + 1, "%s%.*s%s", HSM_FIRMWARE_KEY_PREFIX, (int)room,
                   product, number);
}

enum error product_firmware_key_make(struct hsm_client *hsm, const char *product,
                                     int64_t generation, struct fault *fault)
{
    char label[HSM_LABEL_MAX_BYTES + 1];
    const struct hsm_key_id id = product_firmware_key_id(product, generation);
    product_firmware_key_label(product, generation, label);
    return hsm_generate_firmware_key(hsm, &id, label, fault);
}
