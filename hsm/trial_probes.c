/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The probes of a trial in their order: constants. */
#include "hsm/trial_probe.h"

#define MODULE       "Module and token"
#define KEYS         "Keys"
#define LICENSES     "Licenses and images"
#define TOGETHER     "Several processes at once"
#define GOVERNED     "For governed products"
#define SPEED        TRIAL_SPEED
#define END          "At the end"

#define NO_MECHANISM TRIAL_NONE, 0

const char TRIAL_SPEED[] = "Speed";

const struct trial_probe TRIAL_PROBES[] = {
    {"load", MODULE, "Module", TRIAL_FOR_ALL, NULL, trial_load, NO_MECHANISM},
    {"token", MODULE, "Token", TRIAL_FOR_ALL, "load", trial_token, NO_MECHANISM},
    {"login", MODULE, "Login", TRIAL_FOR_ALL, "token", trial_login, NO_MECHANISM},
    {"leftovers", MODULE, "Left by earlier checks", TRIAL_FOR_NOTHING, "login", trial_leftovers,
     NO_MECHANISM},

    {"random", KEYS, "Random numbers", TRIAL_FOR_ALL, "login", trial_random, NO_MECHANISM},
    {"session-keys", KEYS, "Session keys", TRIAL_FOR_ALL, "login", trial_session_keys,
     CKM_AES_KEY_GEN, CKF_GENERATE},
    {"firmware-key", KEYS, "Firmware key", TRIAL_FOR_ALL, "login", trial_firmware_key,
     CKM_AES_KEY_GEN, CKF_GENERATE},
    {"stays-inside", KEYS, "It does not leave", TRIAL_FOR_GOVERNED, "login", trial_stays_inside,
     NO_MECHANISM},
    {"key-wrap", KEYS, "Wrapping of keys", TRIAL_FOR_ALL, "login", trial_key_wrap, CKM_AES_KEY_WRAP,
     CKF_WRAP | CKF_UNWRAP},
    {"checkpoint-key", KEYS, "Checkpoint key", TRIAL_FOR_ALL, "login", trial_checkpoint_key,
     CKM_ECDSA, CKF_SIGN},
    {"transport-key", KEYS, "Transport key", TRIAL_FOR_ALL, "login", trial_transport_key,
     CKM_EC_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR},

    {"host-mode", LICENSES, "License in host mode", TRIAL_FOR_MODE, "login", trial_host_mode,
     CKM_AES_KEY_WRAP, CKF_WRAP},
    {"token-mode", LICENSES, "License in token mode", TRIAL_FOR_MODE, "login", trial_token_mode,
     CKM_ECDH1_DERIVE, CKF_DERIVE},
    {"license", LICENSES, "Image and license, opened", TRIAL_FOR_ALL, "login", trial_license,
     CKM_AES_GCM, CKF_ENCRYPT},
    {"image-parts", LICENSES, "cms images over 64 KiB", TRIAL_FOR_PART, "license",
     trial_image_parts, CKM_AES_GCM, CKF_ENCRYPT},
    {"image-large", LICENSES, "cms images over 16 MiB", TRIAL_FOR_PART, "image-parts",
     trial_image_large, CKM_AES_GCM, CKF_ENCRYPT},
    {"image-records", LICENSES, "st-sfi images", TRIAL_FOR_PART, "login", trial_image_records,
     CKM_AES_GCM, CKF_ENCRYPT},
    {"image-cbc", LICENSES, "cms images in AES-CBC", TRIAL_FOR_PART, "license", trial_image_cbc,
     CKM_AES_CBC_PAD, CKF_ENCRYPT},
    {"image-ctr", LICENSES, "suit and mcuboot images", TRIAL_FOR_PART, "license", trial_image_ctr,
     CKM_AES_CTR, CKF_ENCRYPT},
    {"image-gcm16", LICENSES, "esp-rsa images", TRIAL_FOR_PART, "license", trial_image_gcm16,
     CKM_AES_GCM, CKF_ENCRYPT},
    {"p384", LICENSES, "cms licenses for P-384", TRIAL_FOR_PART, "key-wrap", trial_p384,
     NO_MECHANISM},
    {"hkdf", LICENSES, "suit licenses", TRIAL_FOR_PART, "key-wrap", trial_hkdf, NO_MECHANISM},
    {"concat", LICENSES, "jwe licenses", TRIAL_FOR_PART, "key-wrap", trial_concat, NO_MECHANISM},
    {"x25519", LICENSES, "mcuboot licenses", TRIAL_FOR_PART, "login", trial_x25519,
     CKM_AES_KEY_WRAP, CKF_WRAP},
    {"seal", LICENSES, "st-sfi licenses", TRIAL_FOR_PART, "login", trial_seal, CKM_AES_KEY_WRAP,
     CKF_WRAP},
    {"rsa", LICENSES, "Licenses for RSA keys", TRIAL_FOR_PART, "login", trial_rsa,
     CKM_RSA_PKCS_OAEP, CKF_WRAP},

    {"seen", TOGETHER, "Keys of another process", TRIAL_FOR_ALL, "login", trial_seen, NO_MECHANISM},
    {"processes", TOGETHER, "Logins at once", TRIAL_FOR_ALL, "login", trial_processes,
     NO_MECHANISM},
    {"sessions", TOGETHER, "Sessions at once", TRIAL_FOR_ALL, "login", trial_sessions,
     NO_MECHANISM},

    {"data", GOVERNED, "Data objects", TRIAL_FOR_GOVERNED, "login", trial_data, NO_MECHANISM},
    {"anchor", GOVERNED, "Anchor", TRIAL_FOR_GOVERNED, "data", trial_anchor, NO_MECHANISM},

    {"speed-licenses", SPEED, "Licenses", TRIAL_FOR_NOTHING, "license", trial_speed_licenses,
     NO_MECHANISM},
    {"speed-unwraps", SPEED, "Session keys unwrapped", TRIAL_FOR_NOTHING, "key-wrap",
     trial_speed_unwraps, NO_MECHANISM},
    {"speed-keys", SPEED, "Session keys made", TRIAL_FOR_NOTHING, "session-keys",
     trial_speed_session_keys, NO_MECHANISM},
    {"speed-signatures", SPEED, "Signatures", TRIAL_FOR_NOTHING, "checkpoint-key",
     trial_speed_signatures, NO_MECHANISM},
    {"speed-images", SPEED, "Images encrypted", TRIAL_FOR_NOTHING, "image-parts",
     trial_speed_images, NO_MECHANISM},

    {"as-before", END, "The token", TRIAL_FOR_NOTHING, "login", trial_as_before, NO_MECHANISM},
};

const unsigned TRIAL_PROBES_COUNT = sizeof TRIAL_PROBES / sizeof TRIAL_PROBES[0];
