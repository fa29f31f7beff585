/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * rig-chip: the reference chip of the rig (docs/reference-chip.md). Reads the command line, and
 * holds the small commands that look at a chip; the chip itself is in the other files here.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rig/chip/identity.h"
#include "rig/chip/run.h"

#define PROBE_TIMEOUT_MS 10000
#define EXIT_USAGE       64

static const char USAGE[] =
    "usage: rig-chip make --state DIR --st-ca KEY.pem --product-id ID [--sign-key-only]\n"
    "                     [--x509-ca CERT.pem --x509-ca-key KEY.pem --serial TEXT]\n"
    "       rig-chip clone --from DIR --state DIR\n"
    "       rig-chip run --state DIR --socket PATH [--cut-at-step N] [--cut-link-at-step N]\n"
    "                    [--kdf-info HEX] [--kdf-layout KEY,IV,BYTES] [--license-type TEXT]\n"
    "                    [--boot-version N] [--worn-at ADDRESS]\n"
    "       rig-chip show --state DIR [--json]\n"
    "       rig-chip status --socket PATH\n"
    "       rig-chip read --socket PATH --address A --length N --out FILE\n";

/* The command line; texts are borrowed from argv. */
struct options {
    struct chip_order order;
    struct chip_setup setup;
    const char *from;
    const char *out;
    unsigned long address;
    unsigned long length;
    bool is_json;
};

enum {
    OPT_STATE = 1,
    OPT_SOCKET,
    OPT_ST_CA,
    OPT_PRODUCT_ID,
    OPT_SIGN_KEY_ONLY,
    OPT_X509_CA,
    OPT_X509_CA_KEY,
    OPT_SERIAL,
    OPT_FROM,
    OPT_CUT,
    OPT_CUT_LINK,
    OPT_KDF_INFO,
    OPT_KDF_LAYOUT,
    OPT_LICENSE_TYPE,
    OPT_BOOT_VERSION,
    OPT_WORN,
    OPT_JSON,
    OPT_ADDRESS,
    OPT_LENGTH,
    OPT_OUT
};

static const struct option LONG_OPTIONS[] = {
    {"state", required_argument, NULL, OPT_STATE},
    {"socket", required_argument, NULL, OPT_SOCKET},
    {"st-ca", required_argument, NULL, OPT_ST_CA},
    {"product-id", required_argument, NULL, OPT_PRODUCT_ID},
    {"sign-key-only", no_argument, NULL, OPT_SIGN_KEY_ONLY},
    {"x509-ca", required_argument, NULL, OPT_X509_CA},
    {"x509-ca-key", required_argument, NULL, OPT_X509_CA_KEY},
    {"serial", required_argument, NULL, OPT_SERIAL},
    {"from", required_argument, NULL, OPT_FROM},
    {"cut-at-step", required_argument, NULL, OPT_CUT},
    {"cut-link-at-step", required_argument, NULL, OPT_CUT_LINK},
    {"kdf-info", required_argument, NULL, OPT_KDF_INFO},
    {"kdf-layout", required_argument, NULL, OPT_KDF_LAYOUT},
    {"license-type", required_argument, NULL, OPT_LICENSE_TYPE},
    {"boot-version", required_argument, NULL, OPT_BOOT_VERSION},
    {"worn-at", required_argument, NULL, OPT_WORN},
    {"json", no_argument, NULL, OPT_JSON},
    {"address", required_argument, NULL, OPT_ADDRESS},
    {"length", required_argument, NULL, OPT_LENGTH},
    {"out", required_argument, NULL, OPT_OUT},
    {NULL, 0, NULL, 0}};

/* ---- the command line ---- */

static bool parse_number(const char *text, unsigned long *ret_number)
{
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 0);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || number > UINT32_MAX)
        return false;
    *ret_number = number;
    return true;
}

static bool parse_kdf_info(const char *hex, struct chip_rom *rom)
{
    size_t length = strlen(hex) / 2;
    if (length == 0 || length > CHIP_KDF_INFO_MAX_BYTES || !hex_decode(hex, rom->kdf_info, length))
        return false;
    rom->kdf_info_length = length;
    return true;
}

/* Three numbers with commas between them; chip_rom_is_valid knows their limits. */
static bool parse_layout(const char *text, struct chip_rom *rom)
{
    unsigned *const numbers[] = {&rom->key_offset, &rom->iv_offset, &rom->iv_bytes};
    const char *p = text;
    for (size_t i = 0; i < 3; i++) {
        char *end = NULL;
        unsigned long number = strtoul(p, &end, 10);
        if (end == p || number > CHIP_PAYLOAD_MAX_BYTES || *end != (i < 2 ? ',' : '\0'))
            return false;
        *numbers[i] = (unsigned)number;
        p = end + 1;
    }
    return true;
}

static bool parse_type(const char *text, struct chip_rom *rom)
{
    if (strlen(text) != sizeof rom->type)
        return false;
    memcpy(rom->type, text, sizeof rom->type);
    return true;
}

static bool parse_boot_version(const char *text, struct chip_rom *rom)
{
    unsigned long version = 0;
    if (!parse_number(text, &version))
        return false;
    rom->boot_version = (uint32_t)version;
    return true;
}

static bool parse_worn(const char *text, struct chip_setup *setup)
{
    unsigned long address = 0;
    setup->is_worn = true;
    return parse_number(text, &address) && chip_place_find((uint32_t)address, 1, &setup->worn);
}

static bool take_text(int id, const char *text, struct options *options)
{
    const char **const texts[] = {[OPT_STATE] = &options->setup.folder,
                                  [OPT_SOCKET] = &options->setup.socket,
                                  [OPT_ST_CA] = &options->order.st_ca,
                                  [OPT_PRODUCT_ID] = &options->order.product_id,
                                  [OPT_X509_CA] = &options->order.x509_ca,
                                  [OPT_X509_CA_KEY] = &options->order.x509_ca_key,
                                  [OPT_SERIAL] = &options->order.serial,
                                  [OPT_FROM] = &options->from,
                                  [OPT_OUT] = &options->out};
    *texts[id] = text;
    return true;
}

static bool take_option(int id, const char *text, struct options *options)
{
    switch (id) {
    case OPT_SIGN_KEY_ONLY:
        options->order.signs_key_only = true;
        return true;
    case OPT_JSON:
        options->is_json = true;
        return true;
    case OPT_CUT:
        return parse_number(text, &options->setup.power.cut_at);
    case OPT_CUT_LINK:
        return parse_number(text, &options->setup.power.cut_link_at);
    case OPT_ADDRESS:
        return parse_number(text, &options->address);
    case OPT_LENGTH:
        return parse_number(text, &options->length);
    case OPT_KDF_INFO:
        return parse_kdf_info(text, &options->setup.rom);
    case OPT_KDF_LAYOUT:
        return parse_layout(text, &options->setup.rom);
    case OPT_LICENSE_TYPE:
        return parse_type(text, &options->setup.rom);
    case OPT_BOOT_VERSION:
        return parse_boot_version(text, &options->setup.rom);
    case OPT_WORN:
        return parse_worn(text, &options->setup);
    case '?':
        return false;
    default:
        return take_text(id, text, options);
    }
}

static bool parse(int argc, char **argv, struct options *ret_options)
{
    struct options options = {.setup = {.rom = chip_rom_reference()}};
    int id = 0;
    while ((id = getopt_long(argc, argv, "", LONG_OPTIONS, NULL)) != -1) {
        if (!take_option(id, optarg, &options))
            return false;
    }
    if (optind != argc || !chip_rom_is_valid(&options.setup.rom))
        return false;
    *ret_options = options;
    return true;
}

static int usage(void)
{
    (void)fputs(USAGE, stderr);
    return EXIT_USAGE;
}

static int finish(enum error e, const struct fault *fault)
{
    if (e == ERR_OK)
        return EXIT_SUCCESS;
    (void)fprintf(stderr, "rig-chip: %s\n",
                  fault->detail[0] != '\0' ? fault->detail : error_name(e));
    return EXIT_FAILURE;
}

/* ---- commands on a state folder ---- */

static int command_make(const struct options *options)
{
    struct fault fault = {0};
    const struct chip_order *order = &options->order;
    bool has_x509 = order->x509_ca != NULL;
    const char *folder = options->setup.folder;
    if (folder == NULL || order->st_ca == NULL || order->product_id == NULL ||
        has_x509 != (order->x509_ca_key != NULL) || has_x509 != (order->serial != NULL))
        return usage();
    (void)mkdir(folder, 0700);
    enum error e = chip_identity_make(folder, order, &fault);
    if (e == ERR_OK)
        e = chip_state_make(folder, &fault);
    return finish(e, &fault);
}

static int command_clone(const struct options *options)
{
    struct fault fault = {0};
    const char *folder = options->setup.folder;
    if (folder == NULL || options->from == NULL)
        return usage();
    (void)mkdir(folder, 0700);
    enum error e = chip_identity_clone(options->from, folder, &fault);
    if (e == ERR_OK)
        e = chip_state_make(folder, &fault);
    return finish(e, &fault);
}

static int command_run(const struct options *options)
{
    struct fault fault = {0};
    if (options->setup.folder == NULL || options->setup.socket == NULL)
        return usage();
    return finish(chip_run(&options->setup, &fault), &fault);
}

/* One line "name value", or one member of a JSON object; no value here needs quoting. */
static void print_member(bool is_json, const char *separator, const char *name, const char *value)
{
    if (is_json)
        printf("%s\"%s\":\"%s\"", separator, name, value);
    else
        printf("%s %s\n", name, value);
}

static bool print_memory(const struct chip_state *state, enum chip_memory memory, bool is_json)
{
    char hex[SHA256_HEX_SIZE];
    uint8_t *content = malloc(CHIP_MEMORY_BYTES);
    if (content == NULL)
        return false;
    chip_state_read(state, (struct chip_place){.memory = memory}, content, CHIP_MEMORY_BYTES);
    struct sha256 digest = sha256_of(bytes_of(content, CHIP_MEMORY_BYTES));
    free(content);
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    print_member(is_json, ",", memory == CHIP_FLASH ? "flash_sha256" : "external_sha256", hex);
    return true;
}

static bool print_chip(const struct chip_identity *identity, const struct chip_state *state,
                       bool is_json)
{
    const struct chip_record *record = &state->record;
    char id[CHIP_ID_SIZE];
    char hex[2 * CHIP_OPTIONS_MAX_BYTES + 1];
    char product_id[CHIP_PRODUCT_ID_BYTES + 1] = {0};
    chip_identity_name(identity, id);
    memcpy(product_id, identity->certificate, CHIP_PRODUCT_ID_BYTES);
    print_member(is_json, "{", "chip", id);
    print_member(is_json, ",", "product_id", product_id);
    print_member(is_json, ",", "phase", chip_phase_name((uint8_t)record->phase));
    hex_encode(bytes_of(record->tag, CHIP_TAG_BYTES), hex);
    print_member(is_json, ",", "tag", hex);
    hex_encode(bytes_of(record->options, record->options_length), hex);
    print_member(is_json, ",", "option_bytes", hex);
    bool is_printed =
        print_memory(state, CHIP_FLASH, is_json) && print_memory(state, CHIP_EXTERNAL, is_json);
    printf("%s", is_json ? "}\n" : "");
    return is_printed;
}

static int command_show(const struct options *options)
{
    struct fault fault = {0};
    struct chip_power power = {0};
    struct chip_state state;
    struct chip_identity identity;
    const char *folder = options->setup.folder;
    if (folder == NULL)
        return usage();
    enum error e = chip_identity_load(folder, &identity, &fault);
    if (e != ERR_OK)
        return finish(e, &fault);
    e = chip_state_open(folder, &power, false, &state, &fault);
    if (e == ERR_OK) {
        chip_state_load(&state);
        e = print_chip(&identity, &state, options->is_json) ? ERR_OK : ERR_INTERNAL;
        chip_state_close(&state);
    }
    chip_identity_clear(&identity);
    return finish(e, &fault);
}

/* ---- commands on a socket: a small debug probe ---- */

static enum error ask(int link, enum chip_command command, struct bytes payload,
                      struct chip_frame *ret_reply)
{
    enum error e =
        chip_link_request(link, command, payload, deadline_in(PROBE_TIMEOUT_MS), ret_reply);
    if (e != ERR_OK || ret_reply->code == CHIP_ACK)
        return e;
    struct chip_refusal refusal = chip_link_refusal(ret_reply);
    (void)fprintf(stderr, "rig-chip: refused (%s): %s\n", chip_error_name(refusal.error),
                  refusal.sentence);
    return ERR_FORBIDDEN;
}

/* How talking to the chip at that path ended, in words; a refusal was told already (ask). */
static int finish_link(enum error e, const char *path)
{
    const char *words = "the chip's answer is not what was asked for";
    if (e == ERR_OK)
        return EXIT_SUCCESS;
    if (e == ERR_FORBIDDEN)
        return EXIT_FAILURE;
    if (e == ERR_TIMEOUT)
        words = "the chip does not answer";
    else if (e == ERR_LINK_CLOSED)
        words = "the chip ended the connection";
    (void)fprintf(stderr, "rig-chip: %s: %s\n", path, words);
    return EXIT_FAILURE;
}

/* False after a complaint. */
static bool connect_to(const char *path, int *ret_link)
{
    enum error e = chip_link_connect(path, ret_link);
    if (e == ERR_OK)
        return true;
    if (e == ERR_CONFIG)
        (void)fprintf(stderr, "rig-chip: there is no chip at %s\n", path);
    else
        (void)fprintf(stderr, "rig-chip: no chip listens at %s\n", path);
    return false;
}

static int command_status(const struct options *options)
{
    const char *path = options->setup.socket;
    struct chip_frame reply;
    char tag[2 * CHIP_TAG_BYTES + 1];
    int link = -1;
    if (path == NULL)
        return usage();
    if (!connect_to(path, &link))
        return EXIT_FAILURE;
    enum error e = ask(link, CHIP_STATUS, bytes_of(NULL, 0), &reply);
    (void)close(link);
    if (e == ERR_OK && reply.length != CHIP_STATUS_BYTES)
        e = ERR_BAD_REQUEST;
    if (e != ERR_OK)
        return finish_link(e, path);
    hex_encode(bytes_of(reply.payload + 3, CHIP_TAG_BYTES), tag);
    printf("phase=%s note=%u debug=%u tag=%s\n", chip_phase_name(reply.payload[0]),
           reply.payload[1], reply.payload[2], tag);
    return EXIT_SUCCESS;
}

static enum error read_all(int link, const struct options *options, FILE *out)
{
    enum error e = ERR_OK;
    unsigned long at = 0;
    while (e == ERR_OK && at < options->length) {
        struct chip_frame reply;
        uint8_t request[CHIP_READ_REQUEST_BYTES];
        unsigned long left = options->length - at;
        uint16_t length = (uint16_t)(left < CHIP_PAYLOAD_MAX_BYTES ? left : CHIP_PAYLOAD_MAX_BYTES);
        chip_put_u32(request, (uint32_t)(options->address + at));
        chip_put_u16(request + 4, length);
        e = ask(link, CHIP_READ, bytes_of(request, sizeof request), &reply);
        if (e == ERR_OK && reply.length != length)
            e = ERR_BAD_REQUEST;
        else if (e == ERR_OK && fwrite(reply.payload, 1, length, out) != length)
            e = ERR_CONFIG;
        at += length;
    }
    return e;
}

static int finish_file(const char *path)
{
    (void)fprintf(stderr, "rig-chip: %s cannot be written: %s\n", path, strerror(errno));
    return EXIT_FAILURE;
}

static int command_read(const struct options *options)
{
    int link = -1;
    if (options->setup.socket == NULL || options->out == NULL || options->length == 0)
        return usage();
    if (!connect_to(options->setup.socket, &link))
        return EXIT_FAILURE;
    FILE *out = fopen(options->out, "we");
    if (out == NULL) {
        (void)close(link);
        return finish_file(options->out);
    }
    enum error e = read_all(link, options, out);
    (void)close(link);
    if (fclose(out) != 0 || e == ERR_CONFIG)
        return finish_file(options->out);
    return finish_link(e, options->setup.socket);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct options *options);
    } commands[] = {{"make", command_make}, {"clone", command_clone},   {"run", command_run},
                    {"show", command_show}, {"status", command_status}, {"read", command_read}};
    struct options options;
    if (argc < 2 || !parse(argc - 1, argv + 1, &options))
        return usage();
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(&options);
    }
    return usage();
}
