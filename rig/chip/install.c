/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The install's state machine. A table says which stage takes which command; each taker looks at
 * its payload in the order of the page and moves the stage on. Owns the RAM of an install: session
 * key, the area under way, and which flash was programmed.
 */
#include "rig/chip/install.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#define IMAGE_MAGIC    "SFIMAGIC"
#define IMAGE_PROTOCOL 1
#define AREA_VERSION   1

/* Offsets in the image's header and in an area's; their tags are not authenticated by them. */
#define HEADER_PROTOCOL 8
#define HEADER_ZERO     9
#define HEADER_AREAS    10
#define HEADER_TAG      12
#define AREA_TYPE       0
#define AREA_FORM       1
#define AREA_INDEX      2
#define AREA_SIZE       4
#define AREA_ADDRESS    8
#define AREA_TOTAL      12
#define AREA_TAG        14
#define AREA_MAX_BYTES  65536
#define GRANULE_BYTES   16 /* of flash; areas begin at multiples of it */
#define GRANULES        (CHIP_MEMORY_BYTES / GRANULE_BYTES)
#define RAM_BYTES       CHIP_MEMORY_BYTES /* an area, or the whole image of the cms profile */

enum stage {
    STAGE_IDLE, /* waits for a license */
    STAGE_HEADER,
    STAGE_AREA,
    STAGE_DATA,
    STAGE_CMS
};

struct area {
    uint8_t header[CHIP_AREA_HEADER_BYTES];
    uint8_t type;
    uint16_t index;
    uint32_t size;
    uint32_t address;
    uint16_t total;
    struct chip_place place; /* of F and E areas */
};

struct chip_install {
    struct chip_state *state;
    const struct chip_rom *rom;
    EVP_PKEY *pair;
    enum stage stage;
    struct chip_session session;
    CMS_ContentInfo *cms;
    uint8_t tag[CHIP_TAG_BYTES]; /* of the image's header */
    uint16_t total;
    uint16_t done; /* areas */
    uint8_t last_type;
    struct area area;
    size_t received; /* bytes in ram */
    bool programmed[CHIP_MEMORIES][GRANULES];
    uint8_t ram[RAM_BYTES];
};

static struct chip_verdict refuse(enum chip_error error, const char *sentence)
{
    return (struct chip_verdict){.error = (uint8_t)error, .sentence = sentence};
}

static bool is_refused(struct chip_verdict verdict)
{
    return verdict.error != 0;
}

static void forget(struct chip_install *install)
{
    CMS_ContentInfo_free(install->cms);
    install->cms = NULL;
    install->stage = STAGE_IDLE;
    install->done = 0;
    install->last_type = 0;
    install->received = 0;
    memset(install->programmed, 0, sizeof install->programmed);
    OPENSSL_cleanse(&install->session, sizeof install->session);
    OPENSSL_cleanse(install->ram, sizeof install->ram);
}

/* Sets the phase first, so that a cut during the erase is found at the next boot. */
static bool begin(struct chip_install *install)
{
    struct chip_record record = {.phase = CHIP_INSTALLING};
    return chip_state_store(install->state, &record) && chip_state_erase(install->state);
}

/* Ends an install that failed. The chip is open only once nothing is left in flash. */
static bool give_up(struct chip_install *install)
{
    struct chip_record record = {.phase = CHIP_OPEN};
    forget(install);
    return chip_state_erase(install->state) && chip_state_store(install->state, &record);
}

/* ---- licenses ---- */

static struct chip_verdict take_license(struct chip_install *install, struct bytes payload)
{
    const char *why = chip_license_open(install->pair, install->rom, payload, &install->session);
    if (why != NULL)
        return refuse(CHIP_LICENSE_REFUSED, why);
    install->stage = STAGE_HEADER;
    return CHIP_ACCEPTED;
}

static struct chip_verdict take_cms_license(struct chip_install *install, struct bytes payload)
{
    const char *why = chip_license_open_cms(install->pair, payload, &install->cms);
    if (why != NULL)
        return refuse(CHIP_LICENSE_REFUSED, why);
    install->stage = STAGE_CMS;
    return CHIP_ACCEPTED;
}

/* ---- parts of an image ---- */

/* Part index is one GCM message; its IV is the nonce plus the index, as 96-bit big endian. */
static bool open_part(struct chip_install *install, uint16_t index, struct bytes aad,
                      const uint8_t *tag)
{
    uint8_t iv[CHIP_NONCE_BYTES];
    unsigned carry = index;
    memcpy(iv, install->session.nonce, sizeof iv);
    for (size_t i = sizeof iv; i-- > 0 && carry > 0;) {
        carry += iv[i];
        iv[i] = (uint8_t)carry;
        carry >>= 8;
    }
    struct chip_gcm message = {.key = install->session.key,
                               .iv = bytes_of(iv, sizeof iv),
                               .aad = {aad},
                               .text = bytes_of(install->ram, install->received),
                               .tag = tag};
    return chip_gcm_open(&message, install->ram, install->state->power);
}

static struct chip_verdict take_header(struct chip_install *install, struct bytes payload)
{
    const uint8_t *p = payload.data;
    if (payload.length != CHIP_HEADER_BYTES)
        return refuse(CHIP_HEADER_REFUSED, "An image's header has 28 bytes.");
    if (memcmp(p, IMAGE_MAGIC, HEADER_PROTOCOL) != 0 || p[HEADER_PROTOCOL] != IMAGE_PROTOCOL ||
        p[HEADER_ZERO] != 0)
        return refuse(CHIP_HEADER_REFUSED, "This is no image of protocol 1.");
    if (chip_get_u16(p + HEADER_AREAS) == 0)
        return refuse(CHIP_HEADER_REFUSED, "The image has no areas.");
    if (!open_part(install, 0, bytes_of(p, HEADER_TAG), p + HEADER_TAG))
        return refuse(CHIP_TAG_MISMATCH, "The header does not belong to this license's image.");
    memcpy(install->tag, p + HEADER_TAG, CHIP_TAG_BYTES);
    install->total = chip_get_u16(p + HEADER_AREAS);
    install->stage = STAGE_AREA;
    return CHIP_ACCEPTED;
}

/* ---- the header of an area ---- */

static struct area read_area(const uint8_t *p)
{
    struct area area = {.type = p[AREA_TYPE],
                        .index = chip_get_u16(p + AREA_INDEX),
                        .size = chip_get_u32(p + AREA_SIZE),
                        .address = chip_get_u32(p + AREA_ADDRESS),
                        .total = chip_get_u16(p + AREA_TOTAL)};
    memcpy(area.header, p, sizeof area.header);
    return area;
}

static struct chip_verdict check_order(const struct chip_install *install, const struct area *area)
{
    bool is_last = area->index == install->total;
    if (area->header[AREA_FORM] != AREA_VERSION)
        return refuse(CHIP_AREA_REFUSED, "The area is of another version.");
    if (area->index != install->done + 1 || area->total != install->total)
        return refuse(CHIP_AREA_REFUSED, "The area's index or number of areas is wrong.");
    if ((area->type == 'C') != is_last)
        return refuse(CHIP_AREA_REFUSED, "The configuration, and nothing else, comes last.");
    if ((area->type == 'R') != (install->last_type == 'P'))
        return refuse(CHIP_AREA_REFUSED, "A pause and its resume belong together.");
    return CHIP_ACCEPTED;
}

static bool is_programmed(const struct chip_install *install, const struct area *area)
{
    const bool *granules = install->programmed[area->place.memory];
    uint32_t first = area->place.offset / GRANULE_BYTES;
    uint32_t last = (area->place.offset + area->size - 1) / GRANULE_BYTES;
    for (uint32_t i = first; i <= last; i++) {
        if (granules[i])
            return true;
    }
    return false;
}

static struct chip_verdict check_flash(const struct chip_install *install, struct area *area)
{
    enum chip_memory memory = area->type == 'F' ? CHIP_FLASH : CHIP_EXTERNAL;
    if (area->size == 0 || area->size > AREA_MAX_BYTES || area->address % GRANULE_BYTES != 0)
        return refuse(CHIP_AREA_REFUSED, "The area's size or alignment is wrong.");
    if (!chip_place_find(area->address, area->size, &area->place) || area->place.memory != memory)
        return refuse(CHIP_AREA_REFUSED, "The area lies outside its memory.");
    if (is_programmed(install, area))
        return refuse(CHIP_AREA_REFUSED, "The area overlaps one that is programmed.");
    return CHIP_ACCEPTED;
}

static struct chip_verdict check_geometry(const struct chip_install *install, struct area *area)
{
    switch (area->type) {
    case 'F':
    case 'E':
        return check_flash(install, area);
    case 'C':
        if (area->size == 0 || area->size > CHIP_OPTIONS_MAX_BYTES || area->address != 0)
            return refuse(CHIP_AREA_REFUSED, "The configuration's size or address is wrong.");
        return CHIP_ACCEPTED;
    case 'P':
    case 'R':
        if (area->size != 0 || area->address != 0)
            return refuse(CHIP_AREA_REFUSED, "A pause or resume has no content and no address.");
        return CHIP_ACCEPTED;
    case 'M':
    case 'K':
        return refuse(CHIP_AREA_UNSUPPORTED, "This chip takes no modules and no random keys.");
    default:
        return refuse(CHIP_AREA_REFUSED, "There is no area of this type.");
    }
}

static bool open_area(struct chip_install *install)
{
    const struct area *area = &install->area;
    return open_part(install, area->index, bytes_of(area->header, AREA_TAG),
                     area->header + AREA_TAG);
}

static void finish_area(struct chip_install *install)
{
    OPENSSL_cleanse(install->ram, install->received);
    install->received = 0;
    install->done++;
    install->last_type = install->area.type;
    install->stage = STAGE_AREA;
}

static struct chip_verdict take_area(struct chip_install *install, struct bytes payload)
{
    if (payload.length != CHIP_AREA_HEADER_BYTES)
        return refuse(CHIP_AREA_REFUSED, "An area's header has 30 bytes.");
    install->area = read_area(payload.data);
    struct chip_verdict verdict = check_order(install, &install->area);
    if (!is_refused(verdict))
        verdict = check_geometry(install, &install->area);
    if (is_refused(verdict))
        return verdict;
    install->stage = STAGE_DATA;
    if (install->area.size > 0)
        return CHIP_ACCEPTED;
    if (!open_area(install))
        return refuse(CHIP_TAG_MISMATCH, "The area does not belong to this license's image.");
    finish_area(install);
    return CHIP_ACCEPTED;
}

/* ---- the content of an area ---- */

/* Collects ciphertext, with a step when the first half of size is there, and one at its end. */
static struct chip_verdict collect(struct chip_install *install, struct bytes payload, size_t size)
{
    size_t before = install->received;
    if (payload.length == 0)
        return refuse(CHIP_BAD_FRAME, "There is no content in this frame.");
    if (payload.length > size - before)
        return refuse(CHIP_TOO_LARGE, "There is more content than fits.");
    memcpy(install->ram + before, payload.data, payload.length);
    install->received += payload.length;
    if (before < size / 2 && install->received >= size / 2)
        chip_power_step(install->state->power);
    if (install->received == size)
        chip_power_step(install->state->power);
    return CHIP_ACCEPTED;
}

static struct chip_verdict program(struct chip_install *install, struct chip_place place)
{
    struct bytes plain = bytes_of(install->ram, install->received);
    chip_state_program(install->state, place, plain);
    if (!chip_state_holds(install->state, place, plain))
        return refuse(CHIP_FLASH_VERIFY, "Flash does not hold what was programmed.");
    return CHIP_ACCEPTED;
}

static struct chip_verdict program_area(struct chip_install *install)
{
    struct area *area = &install->area;
    uint32_t first = area->place.offset / GRANULE_BYTES;
    uint32_t last = (area->place.offset + area->size - 1) / GRANULE_BYTES;
    struct chip_verdict verdict = program(install, area->place);
    for (uint32_t i = first; i <= last; i++)
        install->programmed[area->place.memory][i] = true;
    return verdict;
}

/* Option bytes and the closed phase are one write: there is no moment with one of the two. */
static struct chip_verdict close_chip(struct chip_install *install, struct bytes options,
                                      const uint8_t tag[CHIP_TAG_BYTES])
{
    struct chip_record record = {.phase = CHIP_CLOSED, .options_length = options.length};
    if (options.length > 0)
        memcpy(record.options, options.data, options.length);
    memcpy(record.tag, tag, CHIP_TAG_BYTES);
    bool is_closed = chip_state_store(install->state, &record);
    OPENSSL_cleanse(&record, sizeof record);
    if (!is_closed)
        return refuse(CHIP_FLASH_VERIFY, "The option bytes cannot be programmed.");
    forget(install);
    return CHIP_ACCEPTED;
}

static struct chip_verdict take_data(struct chip_install *install, struct bytes payload)
{
    struct area *area = &install->area;
    struct chip_verdict verdict = collect(install, payload, area->size);
    if (is_refused(verdict) || install->received < area->size)
        return verdict;
    if (!open_area(install))
        return refuse(CHIP_TAG_MISMATCH, "The area does not belong to this license's image.");
    if (area->type == 'C')
        return close_chip(install, bytes_of(install->ram, install->received), install->tag);
    verdict = program_area(install);
    if (!is_refused(verdict))
        finish_area(install);
    return verdict;
}

/* ---- the cms profile's image ---- */

static struct chip_verdict take_cms_data(struct chip_install *install, struct bytes payload)
{
    return collect(install, payload, RAM_BYTES);
}

/* The chip is known by the ciphertext's digest: this image has no header whose tag could do. */
static struct chip_verdict take_cms_end(struct chip_install *install, struct bytes payload)
{
    struct bytes image = bytes_of(install->ram, install->received);
    struct chip_place place = {.memory = CHIP_FLASH, .offset = 0};
    struct sha256 digest = sha256_of(image);
    if (payload.length != 0)
        return refuse(CHIP_BAD_FRAME, "The end of an image has no payload.");
    bool is_right = chip_license_decrypt_cms(install->cms, image, install->ram);
    chip_power_step(install->state->power);
    if (!is_right)
        return refuse(CHIP_TAG_MISMATCH, "The image does not belong to this license.");
    struct chip_verdict verdict = program(install, place);
    if (!is_refused(verdict))
        verdict = close_chip(install, bytes_of(NULL, 0), digest.bytes);
    return verdict;
}

/* ---- public ---- */

static const struct step {
    uint8_t command;
    enum stage stage;
    struct chip_verdict (*take)(struct chip_install *install, struct bytes payload);
} STEPS[] = {
    {CHIP_LICENSE, STAGE_IDLE, take_license},
    {CHIP_HEADER, STAGE_HEADER, take_header},
    {CHIP_AREA, STAGE_AREA, take_area},
    {CHIP_DATA, STAGE_DATA, take_data},
    {CHIP_CMS_LICENSE, STAGE_IDLE, take_cms_license},
    {CHIP_CMS_DATA, STAGE_CMS, take_cms_data},
    {CHIP_CMS_END, STAGE_CMS, take_cms_end},
};

static const struct step *find_step(uint8_t command)
{
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        if (STEPS[i].command == command)
            return &STEPS[i];
    }
    return NULL;
}

enum error chip_install_new(struct chip_state *state, const struct chip_rom *rom, EVP_PKEY *pair,
                            struct chip_install **ret_install)
{
    struct chip_install *install = calloc(1, sizeof *install);
    if (install == NULL)
        return ERR_INTERNAL;
    install->state = state;
    install->rom = rom;
    install->pair = pair;
    *ret_install = install;
    return ERR_OK;
}

void chip_install_free(struct chip_install *install)
{
    if (install == NULL)
        return;
    forget(install);
    free(install);
}

bool chip_install_boot(struct chip_install *install)
{
    forget(install);
    chip_state_load(install->state);
    bool is_interrupted = install->state->record.phase == CHIP_INSTALLING;
    return is_interrupted && give_up(install);
}

bool chip_install_knows(uint8_t command)
{
    return find_step(command) != NULL;
}

struct chip_verdict chip_install_take(struct chip_install *install, uint8_t command,
                                      struct bytes payload)
{
    const struct step *step = find_step(command);
    enum chip_phase phase = install->state->record.phase;
    bool begins = step->stage == STAGE_IDLE;
    struct chip_verdict verdict = refuse(CHIP_OUT_OF_ORDER, "The install expects something else.");
    if (phase == CHIP_CLOSED)
        return refuse(CHIP_WRONG_PHASE, "The chip is closed.");
    if (phase == CHIP_OPEN && !begins)
        return refuse(CHIP_WRONG_PHASE, "No install is under way; it begins with a license.");
    if (phase == CHIP_OPEN && !begin(install))
        verdict = refuse(CHIP_FLASH_VERIFY, "Flash cannot be erased.");
    else if ((phase == CHIP_OPEN) == begins && step->stage == install->stage)
        verdict = step->take(install, payload);
    if (is_refused(verdict))
        (void)give_up(install);
    return verdict;
}
