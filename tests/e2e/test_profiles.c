/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Every profile over REST: a device of each kind gets its license, and what is not ours opens it
 * (openssl, also with a key in a PKCS#11 token, RAUC, jose, npm's jose, python3-cryptography);
 * another device's key does not, in none of them. So it is with images that were packed at home.
 * Devices that a product does not take, and images that no device could open, are refused.
 */
#include "e2e/floor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "support/pki.h"
#include "support/run.h"

#define LICENSE_MAX 4096
#define COMMAND_MAX 1024

#define P256        "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
#define P384        "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"
#define RSA(bits)   "-algorithm RSA -pkeyopt rsa_keygen_bits:" bits
#define X25519      NULL /* openssl makes no request for such a certificate: tests/support/pki.h */

/* Each opens floor.lic with KEY.key (and KEY.pem), and writes `opened`; %s is the key's name. */
#define CMS                                                                                  \
    "openssl cms -decrypt -binary -inform DER -in floor.lic -content $FILE -inkey $KEY.key " \
    "-recip $OWNER.pem -out opened"
#define WITH_TOKEN "sh $SOURCE/tests/judge/with_token.sh $KEY.key "
#define TOKEN                                                                                   \
    WITH_TOKEN "openssl cms -decrypt -binary -inform DER -in floor.lic -content $FILE -engine " \
               "pkcs11 -keyform engine -inkey @key -recip $OWNER.pem -out opened"
#define OPEN_RAUC(key) "sh $SOURCE/tests/judge/rauc.sh open rauc " key " floor.lic $FILE opened"
#define RAUC           OPEN_RAUC("$KEY.key")
#define JUDGE          "/usr/bin/python3 $SOURCE/tests/judge/open_license.py"
#define NODE           "${PROVISIOND_NODE_DIR:-$BIN/node}"
#define NPM            "node $SOURCE/tests/judge/open_jwe.js " NODE " $KEY.key floor.lic $FILE opened"
#define JOSE           JUDGE " jwk $KEY.key >jwk && jose jwe dec -i floor.lic -I $FILE -k jwk -O opened"
#define OPEN(profile)  JUDGE " " profile " $KEY.key floor.lic $FILE opened"
#define ESP                                                                     \
    "curl -s --cacert $RIG_CA --cert $RIG_STATION_CERT --key $RIG_STATION_KEY " \
    "$RIG_URL/v1/images/$IMAGE | jq '.images[0]' >facts && " OPEN("esp-rsa") " --facts facts"
/* The payload lies between header (512 bytes) and TLVs, which are those of the signed image. The
 * device's image holds the license at its end, as provctl writes it. */
#define MCUBOOT(tlv)                                                                         \
    "$BIN/provctl mcuboot attach $FILE floor.lic --out attached && "                         \
    "bytes=$(stat -c %%s $RIG_FIRMWARE) && tail -c $(stat -c %%s floor.lic) attached | "     \
    "cmp - floor.lic && head -c $((512 + bytes)) attached | tail -c +513 >payload && " JUDGE \
    " mcuboot-" tlv " $KEY.key floor.lic payload clear && { head -c 512 $FILE; cat clear; "  \
    "tail -c +$((513 + bytes)) $FILE; } >opened"

static const struct kind {
    const char *name;
    const char *product;
    const char *image; /* a file's name in DIR with the digest */
    const char *key_params;
    const char *key_usage;
    const char *opener;
    const char *firmware;
} KINDS[] = {
    {"cms-p256", "rig-cms", "CMS", P256, "critical,keyAgreement", CMS, "$RIG_FIRMWARE"},
    {"cms-p384", "rig-cms", "CMS", P384, "critical,keyAgreement", CMS, "$RIG_FIRMWARE"},
    {"cms-rsa", "rig-cms", "CMS", RSA("2048"), "critical,keyEncipherment", CMS, "$RIG_FIRMWARE"},
    {"cbc-p256", "rig-cms", "CBC", P256, "critical,keyAgreement", CMS, "$RIG_FIRMWARE"},
    {"token-p256", "rig-cms", "CMS", P256, "critical,keyAgreement", TOKEN, "$RIG_FIRMWARE"},
    {"token-rsa", "rig-cms", "CMS", RSA("2048"), "critical,keyEncipherment", TOKEN,
     "$RIG_FIRMWARE"},
    {"rauc-p256", "rig-cms", "RAUC", P256, "critical,keyAgreement", RAUC, "$RIG_FIRMWARE"},
    {"rauc-p384", "rig-cms", "RAUC", P384, "critical,keyAgreement", RAUC, "$RIG_FIRMWARE"},
    {"rauc-rsa", "rig-cms", "RAUC", RSA("2048"), "critical,keyEncipherment", RAUC, "$RIG_FIRMWARE"},
    {"rauc-token", "rig-cms", "RAUC", P256, "critical,keyAgreement", WITH_TOKEN OPEN_RAUC("@key"),
     "$RIG_FIRMWARE"},
    {"suit-kw128", "rig-suit", "SUIT", P256, "critical,keyAgreement", OPEN("suit"),
     "$RIG_FIRMWARE"},
    {"suit-kw256-ctr", "suit-256", "CTR", P256, "critical,keyAgreement", OPEN("suit"),
     "$RIG_FIRMWARE"},
    {"jwe-p256", "rig-jwe", "JWE", P256, "critical,keyAgreement", JOSE, "$RIG_FIRMWARE"},
    {"jwe-p384", "rig-jwe", "JWE", P384, "critical,keyAgreement", JOSE, "$RIG_FIRMWARE"},
    {"npm-p256", "rig-jwe", "JWE", P256, "critical,keyAgreement", NPM, "$RIG_FIRMWARE"},
    {"npm-p384", "rig-jwe", "JWE", P384, "critical,keyAgreement", NPM, "$RIG_FIRMWARE"},
    {"mcuboot-p256", "rig-mcuboot", "MCUBOOT", P256, "critical,keyAgreement", MCUBOOT("32"),
     "$RIG_MCUBOOT_FIRMWARE"},
    {"mcuboot-x25519", "rig-mcuboot", "MCUBOOT", X25519, "", MCUBOOT("33"),
     "$RIG_MCUBOOT_FIRMWARE"},
    {"mcuboot-rsa", "rig-mcuboot", "MCUBOOT", RSA("2048"), "critical,keyEncipherment",
     MCUBOOT("30"), "$RIG_MCUBOOT_FIRMWARE"},
    {"mcuboot-sha512", "boot-512", "BOOT", X25519, "", MCUBOOT("34"), "$DIR/signed-256.bin"},
    {"esp-rsa", "rig-esp-rsa", "ESP_RSA", RSA("3072"), "critical,keyEncipherment", ESP,
     "$RIG_FIRMWARE"},
};
#define KIND_COUNT (sizeof KINDS / sizeof KINDS[0])

static struct rig rig;

#define SHELL(...) ck_assert_int_eq(rig_shell(&rig, __VA_ARGS__), 0)
#define CTL        "$BIN/provctl --config $RIG_CONFIG "

/* What the rig does not have: other forms of content, and the settings beside the defaults. */
static void make_others(void)
{
    SHELL("cd $DIR && "
          "images() { for n in CMS SUIT MCUBOOT JWE ESP_RSA; do eval \"echo \\$RIG_${n}_IMAGE\" "
          ">image-$n; done; } && images && "
          "encrypt() { " CTL "image encrypt --product $1 --format $2 --content $3 $4; } && "
          "encrypt rig-cms cms aes-256-cbc $RIG_FIRMWARE >image-CBC && "
          "sh $SOURCE/tests/judge/rauc.sh make $RIG_FIRMWARE rauc && "
          "encrypt rig-cms cms aes-256-cbc rauc/manifest.cms >image-RAUC && " CTL
          "product create suit-256 --profile suit --suit-key-wrap a256kw --anchors "
          "$RIG_DEVICE_CA_CERT --quota 10 >/dev/null && "
          "encrypt suit-256 suit aes-128-ctr $RIG_FIRMWARE >image-CTR && "
          "$SOURCE/rig/mcuboot.sh $RIG_MCUBOOT_SIGNING_KEY $RIG_FIRMWARE 8 signed-256.bin && " CTL
          "product create boot-512 --profile mcuboot --mcuboot-sha512 --device-keys x25519 "
          "--allow-session-key-exposure --anchors $RIG_DEVICE_CA_CERT --quota 10 >/dev/null && "
          "encrypt boot-512 mcuboot aes-256-ctr signed-256.bin >image-BOOT");
}

static void set_up(void)
{
    http_init();
    rig_up_profiles(&rig, 60);
    SHELL("/usr/bin/python3 -B $SOURCE/tests/contract/redocly.py install " NODE " >&2");
    make_others();
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

/* ---- devices ---- */

static void write_text(const char *name, const char *end, const char *text)
{
    char path[TEMP_PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/%s.%s", rig.dir, name, end);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void make_x25519(const char *name, struct floor_device *ret_device)
{
    struct pki *ca = pki_load(rig.device_ca_cert, rig.device_ca_key);
    struct pki *device =
        pki_new(ca, &(struct pki_options){
                        .serial = name, .key = PKI_X25519, .key_usage = "critical,keyAgreement"});
    (void)snprintf(ret_device->name, sizeof ret_device->name, "%s", name);
    (void)snprintf(ret_device->pem, sizeof ret_device->pem, "%s", pki_certificate(device));
    write_text(name, "key", pki_key(device));
    write_text(name, "pem", pki_certificate(device));
    pki_free(device);
    pki_free(ca);
}

static void make_device(const struct kind *kind, const char *name, struct floor_device *ret_device)
{
    const struct floor_options options = {.key_params = kind->key_params,
                                          .key_usage = kind->key_usage};
    if (kind->key_params == NULL)
        make_x25519(name, ret_device);
    else
        floor_device_make(&rig, name, &options, ret_device);
}

/* ---- licenses ---- */

static void read_image(const char *name, char out[RIG_VALUE_MAX])
{
    char path[TEMP_PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/image-%s", rig.dir, name);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(out, RIG_VALUE_MAX, file));
    (void)fclose(file);
    out[strcspn(out, "\n")] = '\0';
}

static void ask(const char *product, const char *image, const char *pem, struct http_answer *answer)
{
    json_t *question =
        json_pack("{ss s{ss}}", "product", product, "device", "certificate_chain", pem);
    if (image != NULL)
        (void)json_object_set_new(question, "image", json_string(image));
    char *body = json_dumps(question, 0);
    http_send(&rig, &(struct http_request){.method = "POST", .path = "/v1/licenses", .body = body},
              answer);
    json_decref(question);
    free(body);
}

static void write_license(const char *base64)
{
    uint8_t license[LICENSE_MAX];
    char path[TEMP_PATH_MAX + 64];
    size_t length = 0;
    ck_assert_int_eq(base64_decode(base64, license, sizeof license, &length), ERR_OK);
    (void)snprintf(path, sizeof path, "%s/floor.lic", rig.dir);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(license, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

/* Whether that key opens the license of owner to the firmware. */
static bool opens(const struct kind *kind, const char *image, const char *owner, const char *key)
{
    char command[COMMAND_MAX];
    (void)snprintf(command, sizeof command,
                   "cd $DIR && exec 2>>open.log; rm -f opened; OWNER=%s KEY=%s IMAGE=%s; "
                   "FILE=$DIR/vault/images/${IMAGE#sha256:}; { %s; } >>open.log && cmp opened %s",
                   owner, key, image, kind->opener, kind->firmware);
    char *percent = NULL;
    while ((percent = strstr(command, "%%")) != NULL)
        memmove(percent, percent + 1, strlen(percent));
    return rig_shell(&rig, "%s", command) == 0;
}

/* The other device of the kind is left without a license. */
static void check_kind(const struct kind *kind, json_t *others)
{
    struct floor_device device;
    struct floor_device other;
    struct http_answer answer;
    char image[RIG_VALUE_MAX];
    char other_name[48];
    (void)snprintf(other_name, sizeof other_name, "%s-2", kind->name);
    read_image(kind->image, image);
    make_device(kind, kind->name, &device);
    make_device(kind, other_name, &other);
    ask(kind->product, image, device.pem, &answer);
    ck_assert_msg(answer.status == 201, "%s: %ld %s", kind->name, answer.status, answer.body);
    write_license(http_text(&answer, "license"));
    ck_assert_msg(opens(kind, image, kind->name, kind->name), "%s does not open", kind->name);
    ck_assert_msg(!opens(kind, image, kind->name, other_name), "%s opens for another", kind->name);
    http_answer_clear(&answer);
    (void)json_array_append_new(others,
                                json_pack("{s:s, s:s, s:{s:s}}", "product", kind->product, "image",
                                          image, "device", "certificate_chain", other.pem));
}

/* Wraps together, seals one by one. */
static void check_batch(json_t *licenses)
{
    struct http_answer answer;
    json_t *question = json_pack("{s:o}", "licenses", licenses);
    char *body = json_dumps(question, 0);
    http_send(&rig,
              &(struct http_request){.method = "POST", .path = "/v1/licenses/batch", .body = body},
              &answer);
    json_decref(question);
    free(body);
    ck_assert_msg(answer.status == 200, "%ld %s", answer.status, answer.body);
    json_t *results = json_object_get(answer.json, "results");
    ck_assert_uint_eq(json_array_size(results), KIND_COUNT);
    for (size_t i = 0; i < KIND_COUNT; i++) {
        const json_t *result = json_object_get(json_array_get(results, i), "license");
        const char *license = json_string_value(json_object_get(result, "license"));
        char image[RIG_VALUE_MAX];
        char name[48];
        ck_assert_msg(license != NULL, "%s got no license", KINDS[i].name);
        read_image(KINDS[i].image, image);
        write_license(license);
        (void)snprintf(name, sizeof name, "%s-2", KINDS[i].name);
        ck_assert_msg(opens(&KINDS[i], image, name, name), "%s does not open", name);
    }
    http_answer_clear(&answer);
}

START_TEST(each_kind_of_device_opens_its_license_and_no_other)
{
    json_t *others = json_array();
    for (size_t i = 0; i < KIND_COUNT; i++)
        check_kind(&KINDS[i], others);
    check_batch(others);
}
END_TEST

/* ---- packed at home ---- */

/* What a maker has: the firmware, provctl, and the text of the site's transport key. The package is
 * all that the site gets; nothing of the rig is named at home. */
#define HOME                                                                               \
    "cd $DIR && rm -rf home && mkdir home && " CTL "hsm transport-key >home/key && "       \
    "cp $RIG_FIRMWARE home/firmware && cp $RIG_MCUBOOT_FIRMWARE home/signed && "           \
    "cp signed-256.bin home/signed-256 && "                                                \
    "packed() { name=$1; product=$2; shift 2; (cd home && env -i $BIN/provctl image seal " \
    "--transport-key key --product $product --label home --out $name.package \"$@\" "      \
    ">$name.digest 2>told) || { cat home/told >&2; return 1; }; " CTL                      \
    "image import home/$name.package --product $product >image-$name && "                  \
    "cmp image-$name home/$name.digest; }; "

static void pack_at_home(void)
{
    SHELL(HOME
          "packed CMS rig-cms firmware && packed CBC rig-cms --content aes-256-cbc firmware "
          "&& packed SUIT rig-suit --format suit firmware && packed CTR suit-256 --format suit "
          "--content aes-128-ctr firmware && packed JWE rig-jwe --format jwe firmware && packed "
          "MCUBOOT rig-mcuboot --format mcuboot signed && packed BOOT boot-512 --format mcuboot "
          "signed-256 && packed ESP_RSA rig-esp-rsa --format esp-rsa firmware");
    /* The journal tells of each as of one that was encrypted here. */
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) LIKE "
                                     "'%\"image-added\"%' AND CAST(entry AS TEXT) LIKE "
                                     "'%\"label\":\"home\"%'"),
                     8);
}

START_TEST(each_kind_of_device_opens_what_was_packed_at_home)
{
    json_t *others = json_array();
    pack_at_home();
    for (size_t i = 0; i < KIND_COUNT; i++)
        check_kind(&KINDS[i], others);
    check_batch(others);
}
END_TEST

/* ---- refusals ---- */

static void refuse_keys(void)
{
    struct floor_device device;
    struct http_answer answer;
    const struct floor_options p384 = {.key_params = P384};
    const struct floor_options rsa = {.key_params = RSA("2048"),
                                      .key_usage = "critical,keyEncipherment"};
    floor_device_make(&rig, "p384", &p384, &device);
    ask("rig-suit", NULL, device.pem, &answer);
    ck_assert_int_eq(answer.status, 422);
    ck_assert_str_eq(http_text(&answer, "check"), "curve");
    http_answer_clear(&answer);
    floor_device_make(&rig, "rsa", &rsa, &device);
    ask("rig-jwe", NULL, device.pem, &answer);
    ck_assert_int_eq(answer.status, 422);
    ck_assert_str_eq(http_text(&answer, "check"), "key-type");
    http_answer_clear(&answer);
}

/* Many IDevIDs allow signatures alone: a product may take them, and the key agrees all the same. */
static void take_sign_only(void)
{
    struct floor_device device;
    struct http_answer answer;
    const struct floor_options sign_only = {.key_usage = "critical,digitalSignature"};
    SHELL(CTL "product create signers --profile suit --accept-sign-only --anchors "
              "$RIG_DEVICE_CA_CERT --quota 1 >/dev/null && " CTL
              "image encrypt --product signers --format suit $RIG_FIRMWARE >$DIR/image-SIGN");
    floor_device_make(&rig, "idevid", &sign_only, &device);
    ask("rig-suit", NULL, device.pem, &answer);
    ck_assert_int_eq(answer.status, 422);
    ck_assert_str_eq(http_text(&answer, "check"), "key-usage");
    http_answer_clear(&answer);
    ask("signers", NULL, device.pem, &answer);
    ck_assert_int_eq(answer.status, 201);
    http_answer_clear(&answer);
}

/* A key that the product takes and the format has no room for. */
static void refuse_size_without_charge(void)
{
    struct floor_device device;
    struct http_answer answer;
    const struct floor_options rsa = {.key_params = RSA("2048"),
                                      .key_usage = "critical,keyEncipherment"};
    floor_device_make(&rig, "small", &rsa, &device);
    ask("rig-esp-rsa", NULL, device.pem, &answer);
    ck_assert_int_eq(answer.status, 422);
    ck_assert_str_eq(http_text(&answer, "check"), "rsa-size");
    ck_assert_int_eq(rig_query(&rig, "SELECT used FROM product WHERE name = 'rig-esp-rsa'"), 0);
    http_answer_clear(&answer);
}

/* says: a part of what provctl prints, which exits with 1 or 64. */
#define REFUSED(says, command)                                                               \
    SHELL("cd $DIR && if " CTL command " >said 2>&1; then exit 1; fi; grep -q -e '%s' said " \
          "|| { cat said >&2; exit 1; }",                                                    \
          says)

static void refuse_images(void)
{
    REFUSED("--allow-session-key-exposure",
            "product create boot --profile mcuboot --anchors $RIG_DEVICE_CA_CERT --quota 1");
    REFUSED("--format suit", "image encrypt --product rig-suit --format jwe $RIG_FIRMWARE");
    REFUSED("form of content",
            "image encrypt --product rig-suit --format suit --content aes-256-cbc $RIG_FIRMWARE");
    REFUSED("MCUboot", "image encrypt --product rig-mcuboot --format mcuboot $RIG_FIRMWARE");
    REFUSED("encrypt-keylen", "image encrypt --product rig-mcuboot --format mcuboot --content "
                              "aes-128-ctr signed-256.bin");
    SHELL("cd $DIR && $SOURCE/rig/mcuboot.sh $RIG_MCUBOOT_SIGNING_KEY $RIG_FIRMWARE 0 plain.bin");
    REFUSED("imgtool", "image encrypt --product rig-mcuboot --format mcuboot plain.bin");
}

/* rauc_bundle.py takes nothing apart that is no license of the right form. */
static void refuse_bundles(void)
{
    SHELL(
        "cd $DIR && join() { status=0; /usr/bin/python3 -B $SOURCE/docs/examples/rauc_bundle.py "
        "join rauc/payload rauc/manifest.cms $1 out.raucb 2>said || status=$?; [ $status = 1 ] && "
        "[ ! -e out.raucb ]; } && join image-CMS && grep -q 'image-CMS: it is' said && "
        "openssl cms -encrypt -binary -aes-256-gcm -in image-CMS -outform DER -out gcm.lic "
        "$RIG_STATION_CERT && join gcm.lic && grep -q -e '--content aes-256-cbc' said && "
        "head -c 60 gcm.lic >cut.lic && join cut.lic && grep -q 'cut off' said");
}

static void show(void)
{
    SHELL("cd $DIR && " CTL "product show boot-512 >said && grep -q 'x25519' said && "
          "grep -q 'SHA-512' said && " CTL "product show suit-256 | grep -q a256kw");
    SHELL("cd $DIR && REST='--url %s --ca '$RIG_CA' --cert '$RIG_STATION_CERT' --key "
          "'$RIG_STATION_KEY; $BIN/provctl image show $(cat image-BOOT) $REST >said && "
          "grep -q aes-256-ctr said && $BIN/provctl image show $RIG_JWE_IMAGE $REST >said && "
          "grep -q aes-256-gcm said && grep -q 65794a6c626d4d694f694a424d6a553252304e4e496e30 said",
          rig.url);
}

/* One rig for all: none of these changes what the next one finds. */
START_TEST(what_no_device_could_open_is_refused_and_the_rest_is_shown)
{
    refuse_keys();
    refuse_size_without_charge();
    take_sign_only();
    refuse_images();
    refuse_bundles();
    show();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_kind_of_device_opens_its_license_and_no_other,
        each_kind_of_device_opens_what_was_packed_at_home,
        what_no_device_could_open_is_refused_and_the_rest_is_shown,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "profiles",
                                        .timeout_s = 300,
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .tests = tests});
}
