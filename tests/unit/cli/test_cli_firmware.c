/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* From firmware files to an image's records: Intel HEX, objcopy, packing, and the command. */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/firmware.h"
#include "cli/firmware_kind.h"
#include "cli/hex.h"
#include "cli/objcopy.h"
#include "core/clock.h"
#include "image/st_sfi.h"
#include "provctl.h"
#include "suite.h"
#include "vault.h"

#define FLASH        UINT64_C(0x08000000)
#define RECORD_HEAD  8 /* lengths of additional data and text */
#define RECORDS_MAX  64
#define FIRMWARE_MAX 70000

static struct temp_dir dir;
static struct failure failure;
static uint8_t firmware[FIRMWARE_MAX];

static void set_up(void)
{
    temp_dir_make(&dir);
    for (size_t i = 0; i < sizeof firmware; i++)
        firmware[i] = (uint8_t)(i * 131 + i / 251);
    write_file(&dir, "options.bin", "option bytes", 12);
    (void)unsetenv("PROVCTL_PRODUCT");
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

/* The path of a file of the folder, in memory that a later call reuses. */
static const char *path_of(const char *name)
{
    static char paths[64][TEMP_PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 64];
    temp_dir_path(&dir, name, path);
    return path;
}

static const char *put(const char *name, const void *data, size_t length)
{
    write_file(&dir, name, data, length);
    return path_of(name);
}

static void run_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run_shell(const char *format, ...)
{
    char command[2048];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    ck_assert_msg(system(command) == 0, "%s", command);
}

/* ---- Intel HEX ---- */

static struct hex_image image;

static enum error read_hex(const char *text)
{
    return hex_read("fw.hex", bytes_of(text, strlen(text)), ST_SFI_ALIGNMENT, &image, &failure);
}

static void claim_segment(size_t i, uint64_t address, const char *content, size_t length)
{
    ck_assert_uint_lt(i, image.count);
    ck_assert_uint_eq(image.segments[i].address, address);
    ck_assert_uint_eq(image.segments[i].content.length, length);
    ck_assert_mem_eq(image.segments[i].content.data, content, length);
}

#define END      ":00000001FF\n"
#define AT_FLASH ":020000040800F2\n"
#define GOOD                         \
    AT_FLASH ":040000006162636472\n" \
             ":04000400656667685E\n" \
             ":0400000508000131BD\n" END

START_TEST(adjacent_records_are_one_segment)
{
    ck_assert_msg(read_hex(GOOD) == ERR_OK, "%s", failure.what);
    ck_assert_uint_eq(image.count, 1);
    claim_segment(0, FLASH, "abcdefgh", 8);
    hex_image_clear(&image);
    ck_assert_ptr_null(image.content);
}
END_TEST

START_TEST(records_may_come_in_any_order)
{
    ck_assert_msg(read_hex(AT_FLASH ":04000400656667685E\n"
                                    ":040000006162636472\n" END) == ERR_OK,
                  "%s", failure.what);
    ck_assert_uint_eq(image.count, 1);
    claim_segment(0, FLASH, "abcdefgh", 8);
    hex_image_clear(&image);
}
END_TEST

START_TEST(both_kinds_of_upper_addresses_count)
{
    ck_assert_msg(read_hex(":020000021000EC\r\n:040000006162636472\r\n"
                           ":02000004FFFFFC\r\n:04FFFC006566676867\r\n:00000001FF") == ERR_OK,
                  "%s", failure.what);
    ck_assert_uint_eq(image.count, 2);
    claim_segment(0, 0x10000, "abcd", 4);
    claim_segment(1, 0xfffffffc, "efgh", 4);
    hex_image_clear(&image);
}
END_TEST

/* What the packer would fill at the end of the first is filled between the two. */
START_TEST(a_gap_within_a_block_is_erased_flash)
{
    ck_assert_int_eq(read_hex(AT_FLASH ":040000006162636472\n:04000C006566676856\n" END), 0);
    ck_assert_uint_eq(image.count, 1);
    claim_segment(0, FLASH,
                  "abcd\xff\xff\xff\xff\xff\xff\xff\xff"
                  "efgh",
                  16);
    hex_image_clear(&image);
    /* The next block is another segment, and so is what only a later block reaches. */
    ck_assert_int_eq(read_hex(AT_FLASH ":040000006162636472\n:040010006566676852\n" END), 0);
    ck_assert_uint_eq(image.count, 2);
    claim_segment(1, FLASH + 16, "efgh", 4);
    hex_image_clear(&image);
}
END_TEST

START_TEST(what_overlaps_stays_apart)
{
    ck_assert_int_eq(read_hex(AT_FLASH ":040000006162636472\n:040002006566676860\n" END), 0);
    ck_assert_uint_eq(image.count, 2);
    claim_segment(0, FLASH, "abcd", 4);
    claim_segment(1, FLASH + 2, "efgh", 4);
    hex_image_clear(&image);
}
END_TEST

START_TEST(a_wrong_line_is_named)
{
    static const char *const rows[][2] = {
        {"", "cut off"},
        {AT_FLASH, "cut off"},
        {END, "holds no data"},
        {AT_FLASH "040000006162636472\n" END, "line 2: it does not begin with a colon"},
        {AT_FLASH "\n" END, "line 2: it does not begin with a colon"},
        {AT_FLASH ":040000006162636473\n" END, "line 2: its checksum is wrong"},
        {AT_FLASH ":050000006162636471\n" END, "line 2: it is shorter or longer than it says"},
        {AT_FLASH ":04000000616263647\n" END, "line 2: its length is that of no record"},
        {AT_FLASH ":04000000616263G472\n" END, "line 2: it holds something that is no hex digit"},
        {AT_FLASH ":04000006616263646C\n" END, "line 2: its type is none of 00 to 05"},
        {":0100000408F3\n" END, "line 1: an upper address has two bytes"},
        {":020000030800F3\n" END, "line 1: a start address has four bytes"},
        {":01000001AA54\n", "line 1: the end record holds data"},
        {":04FFFE006162636475\n" END, "line 1: its data runs over the end of its 64 KiB"},
        {AT_FLASH END ":040000006162636472\n", "line 3: it stands behind the end record"},
        {AT_FLASH END END, "line 3: it stands behind the end record"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(read_hex(rows[i][0]) == ERR_BAD_REQUEST, "row %zu", i);
        ck_assert_msg(strstr(failure.what, rows[i][1]) != NULL, "row %zu: %s", i, failure.what);
        ck_assert_ptr_eq(strstr(failure.what, "fw.hex"), failure.what);
        ck_assert_int_eq(failure.exit, EXIT_CODE_OTHER);
    }
}
END_TEST

START_TEST(every_shorter_text_is_refused)
{
    char text[sizeof GOOD];
    for (size_t length = 0; length < sizeof GOOD - 2; length++) {
        memcpy(text, GOOD, length);
        text[length] = '\0';
        ck_assert_msg(read_hex(text) == ERR_BAD_REQUEST, "%zu", length);
    }
}
END_TEST

/* A flipped bit is refused, or says the same in another case. */
START_TEST(every_flipped_bit_is_seen)
{
    int accepted = 0;
    for (size_t bit = 0; bit < 8 * (sizeof GOOD - 1); bit++) {
        char text[] = GOOD;
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        if (hex_read("fw.hex", bytes_of(text, sizeof GOOD - 1), ST_SFI_ALIGNMENT, &image,
                     &failure) != ERR_OK)
            continue;
        accepted++;
        claim_segment(0, FLASH, "abcdefgh", 8);
        hex_image_clear(&image);
    }
    ck_assert_int_gt(accepted, 0);
}
END_TEST

/* Lines of random records with right checksums, and random characters among them. */
START_TEST(random_records_never_reach_beyond_their_memory)
{
    static const char digits[] = "0123456789abcdefABCDEF:\r\n ";
    unsigned seed = 7;
    int accepted = 0;
    for (int round = 0; round < 20000; round++) {
        char text[2048] = "";
        size_t length = 0;
        for (int line = rand_r(&seed) % 6; line >= 0; line--) {
            unsigned bytes = (unsigned)(rand_r(&seed) % 20);
            unsigned address = (unsigned)rand_r(&seed) % 64;
            unsigned sum = bytes + address;
            length += (size_t)sprintf(text + length, ":%02X%04X00", bytes, address);
            for (unsigned i = 0; i < bytes; i++, sum += 0x5a)
                length += (size_t)sprintf(text + length, "5A");
            length += (size_t)sprintf(text + length, "%02X\n", (0x100 - sum) & 0xff);
        }
        (void)strcpy(text + length, END);
        for (int i = rand_r(&seed) % 3; i > 1; i--)
            text[(size_t)rand_r(&seed) % length] = digits[(size_t)rand_r(&seed) % sizeof digits];
        if (read_hex(text) != ERR_OK)
            continue;
        accepted++;
        for (size_t i = 0; i < image.count; i++)
            ck_assert_int_eq(image.segments[i].content.data[0], 0x5a);
        hex_image_clear(&image);
    }
    ck_assert_int_gt(accepted, 5000);
}
END_TEST

/* ---- records ---- */

struct record {
    struct bytes aad;
    struct bytes text;
};

static uint8_t packed[2 * FIRMWARE_MAX];
static struct record records[RECORDS_MAX];
static size_t record_count;

static uint32_t number_at(const uint8_t *at, size_t bytes)
{
    uint32_t number = 0;
    while (bytes-- > 0)
        number = number << 8 | at[bytes];
    return number;
}

static void split_records(size_t length)
{
    size_t at = 0;
    for (record_count = 0; at < length; record_count++) {
        struct record *record = &records[record_count];
        ck_assert_uint_lt(record_count, RECORDS_MAX);
        ck_assert_uint_le(at + RECORD_HEAD, length);
        size_t aad = number_at(packed + at, 4);
        size_t text = number_at(packed + at + 4, 4);
        ck_assert_uint_le(at + RECORD_HEAD + aad + text, length);
        record->aad = bytes_of(packed + at + RECORD_HEAD, aad);
        record->text = bytes_of(packed + at + RECORD_HEAD + aad, text);
        at += RECORD_HEAD + aad + text;
    }
}

static enum error pack(const struct firmware_source *source)
{
    struct firmware_summary summary;
    struct firmware_file file;
    enum error e = firmware_pack(source, &file, &summary, &failure);
    if (e != ERR_OK)
        return e;
    struct stat info;
    ck_assert_int_eq(fstat(file.fd, &info), 0);
    ck_assert(S_ISREG(info.st_mode));
    ck_assert_uint_eq(info.st_nlink, 0); /* it has no name anywhere */
    ck_assert_int_eq(info.st_size, file.size);
    ssize_t length = read(file.fd, packed, sizeof packed);
    ck_assert_int_eq(length, file.size);
    (void)close(file.fd);
    split_records((size_t)length);
    return ERR_OK;
}

static struct firmware_source source_of(const char *path)
{
    return (struct firmware_source){
        .path = path, .option_bytes = path_of("options.bin"), .external_from = UINT64_MAX};
}

static struct firmware_source flat(const char *path, uint64_t address)
{
    struct firmware_source source = source_of(path);
    source.is_flat = true;
    source.address = address;
    return source;
}

static void claim_area(size_t index, char type, uint64_t address, struct bytes content)
{
    const struct record *record = &records[index];
    ck_assert_uint_lt(index, record_count);
    ck_assert_uint_eq(record->aad.length, 14);
    ck_assert_int_eq(record->aad.data[0], type);
    ck_assert_uint_eq(number_at(record->aad.data + 2, 2), index);
    ck_assert_uint_eq(number_at(record->aad.data + 8, 4), address);
    ck_assert_uint_eq(number_at(record->aad.data + 12, 2), record_count - 1);
    ck_assert_uint_ge(record->text.length, content.length);
    ck_assert_mem_eq(record->text.data, content.data, content.length);
}

static void claim_refused(enum error e, enum error code, const char *words)
{
    ck_assert_msg(e == code, "%d", e);
    ck_assert_int_eq(failure.exit, EXIT_CODE_OTHER);
    ck_assert_msg(strstr(failure.what, words) != NULL, "%s", failure.what);
}

/* ---- packing ---- */

START_TEST(a_flat_binary_becomes_areas_and_the_option_bytes_the_last)
{
    const struct firmware_source source = flat(put("fw.bin", firmware, 20001), FLASH);
    ck_assert_msg(pack(&source) == ERR_OK, "%s", failure.what);
    ck_assert_uint_eq(record_count, 5);
    ck_assert_mem_eq(records[0].aad.data, "SFIMAGIC\1", 9);
    claim_area(1, 'F', FLASH, bytes_of(firmware, 8192));
    claim_area(2, 'F', FLASH + 8192, bytes_of(firmware + 8192, 8192));
    claim_area(3, 'F', FLASH + 16384, bytes_of(firmware + 16384, 20001 - 16384));
    ck_assert_uint_eq(records[3].text.length, 3632); /* filled to a multiple of 16 */
    ck_assert_int_eq(records[3].text.data[3631], 0xff);
    claim_area(4, 'C', 0, bytes_of("option bytes", 12));
}
END_TEST

/* One firmware in four clothes: every byte of what is encrypted is the same. */
START_TEST(hex_elf_and_srecords_say_the_same_as_a_flat_binary)
{
    static const char *const outputs[] = {"ihex", "srec", "elf32-little", "elf64-little"};
    static uint8_t expected[sizeof packed];
    struct firmware_source source = flat(put("fw.bin", firmware, FIRMWARE_MAX), FLASH);
    ck_assert_int_eq(pack(&source), ERR_OK);
    size_t length = (size_t)(records[record_count - 1].text.data - packed) + 12;
    memcpy(expected, packed, length);
    source = source_of(path_of("fw.out"));
    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
        run_shell("objcopy -I binary -O %s --change-section-address .data=0x08000000 %s %s",
                  outputs[i], path_of("fw.bin"), path_of("fw.out"));
        memset(packed, 0, sizeof packed);
        ck_assert_msg(pack(&source) == ERR_OK, "%s: %s", outputs[i], failure.what);
        ck_assert_msg(memcmp(packed, expected, length) == 0, "%s", outputs[i]);
    }
}
END_TEST

/* The machine of an ELF is the chip's and not ours. */
START_TEST(an_elf_of_another_machine_is_read)
{
    static const char arm = 40;
    struct firmware_source source = source_of(path_of("fw.elf"));
    run_shell("objcopy -I binary -O elf32-little --change-section-address .data=0x08000000 %s %s",
              put("fw.bin", firmware, 64), path_of("fw.elf"));
    FILE *file = fopen(path_of("fw.elf"), "r+b");
    ck_assert_int_eq(fseek(file, 18, SEEK_SET), 0);
    ck_assert_uint_eq(fwrite(&arm, 1, 1, file), 1);
    (void)fclose(file);
    ck_assert_msg(pack(&source) == ERR_OK, "%s", failure.what);
    claim_area(1, 'F', FLASH, bytes_of(firmware, 64));
}
END_TEST

START_TEST(what_lies_at_or_above_the_border_is_external)
{
    struct firmware_source source = flat(put("fw.bin", firmware, 8192 + 32), FLASH);
    source.external_from = FLASH + 8192;
    ck_assert_msg(pack(&source) == ERR_OK, "%s", failure.what);
    ck_assert_uint_eq(record_count, 4);
    claim_area(1, 'F', FLASH, bytes_of(firmware, 8192));
    claim_area(2, 'E', FLASH + 8192, bytes_of(firmware + 8192, 32));
    source.external_from = FLASH;
    ck_assert_int_eq(pack(&source), ERR_OK);
    claim_area(1, 'E', FLASH, bytes_of(firmware, 8192));
    source.external_from = FLASH + 8192 + 32;
    ck_assert_int_eq(pack(&source), ERR_OK);
    claim_area(2, 'F', FLASH + 8192, bytes_of(firmware + 8192, 32));
}
END_TEST

START_TEST(the_packers_refusal_names_the_segment)
{
    struct firmware_source source = flat(put("fw.bin", firmware, 64), FLASH + 4);
    claim_refused(pack(&source), ERR_BAD_REQUEST, "The segment of 64 bytes at 0x08000004 of /");
    ck_assert_ptr_nonnull(strstr(failure.what, "multiple of 16"));
    source.address = 0xfffffff0;
    claim_refused(pack(&source), ERR_BAD_REQUEST, "at 0xfffffff0 of");
    ck_assert_ptr_nonnull(strstr(failure.what, "4 GiB"));
    source.address = UINT64_MAX - 15;
    claim_refused(pack(&source), ERR_BAD_REQUEST, "at 0xfffffffffffffff0 of");
    source.address = FLASH;
    source.external_from = FLASH + 8;
    claim_refused(pack(&source), ERR_BAD_REQUEST, "The segment of 56 bytes at 0x08000008 of");
}
END_TEST

START_TEST(sections_that_overlap_are_refused_with_their_address)
{
    const struct firmware_source source = source_of(path_of("fw.elf"));
    run_shell("objcopy -I binary -O elf32-little --change-section-address .data=0x08000000 "
              "--add-section .more=%s --set-section-flags .more=alloc,load,contents "
              "--change-section-address .more=0x08000010 %s %s",
              put("fw.bin", firmware, 64), path_of("fw.bin"), path_of("fw.elf"));
    claim_refused(pack(&source), ERR_BAD_REQUEST, "The segment of 64 bytes at 0x08000010 of");
    ck_assert_ptr_nonnull(strstr(failure.what, "overlap"));
}
END_TEST

START_TEST(an_address_that_intel_hex_cannot_say_is_refused)
{
    const struct firmware_source source = source_of(path_of("fw.elf"));
    run_shell("objcopy -I binary -O elf64-little --change-section-address .data=0x100000000 %s %s",
              put("fw.bin", firmware, 64), path_of("fw.elf"));
    claim_refused(pack(&source), ERR_BAD_REQUEST,
                  "the file 64-bit address 0x100000000 out of range for Intel Hex file");
    ck_assert_ptr_null(strstr(failure.what, "/proc"));
    ck_assert_ptr_null(strchr(failure.what, '\n'));
}
END_TEST

START_TEST(the_option_bytes_are_1_to_4096)
{
    struct firmware_source source = flat(put("fw.bin", firmware, 64), FLASH);
    source.option_bytes = put("ob.bin", firmware, 4096);
    ck_assert_int_eq(pack(&source), ERR_OK);
    ck_assert_uint_eq(records[record_count - 1].text.length, 4096);
    source.option_bytes = put("ob.bin", firmware, 4097);
    claim_refused(pack(&source), ERR_TOO_LARGE, "ob.bin is larger than 4 KiB");
    source.option_bytes = put("ob.bin", "", 0);
    claim_refused(pack(&source), ERR_BAD_REQUEST, "ob.bin is empty");
    source.option_bytes = "/nowhere";
    claim_refused(pack(&source), ERR_BAD_REQUEST, "/nowhere cannot be read");
}
END_TEST

START_TEST(text_with_addresses_is_no_option_bytes)
{
    static const char hex[] = ":0400000061626364729\n:00000001FF\n";
    static const char right[] = ":040000006162636472\n:00000001FF\n";
    struct firmware_source source = flat(put("fw.bin", firmware, 64), FLASH);
    source.option_bytes = put("ob.hex", right, sizeof right - 1);
    claim_refused(pack(&source), ERR_BAD_REQUEST, "ob.hex is an Intel HEX file; option bytes");
    source.option_bytes = put("ob.bin", hex, sizeof hex - 1); /* no HEX: one digit too many */
    ck_assert_int_eq(pack(&source), ERR_OK);
}
END_TEST

START_TEST(an_encrypted_image_is_no_firmware)
{
    struct firmware_source source = source_of(put("fw.sfi", "SFIMAGIC\1\0", 10));
    claim_refused(pack(&source), ERR_BAD_REQUEST, "fw.sfi is an image that is encrypted already");
    source = flat(path_of("fw.sfi"), FLASH);
    claim_refused(pack(&source), ERR_BAD_REQUEST, "is an image that is encrypted already and not");
}
END_TEST

START_TEST(a_file_of_an_unknown_kind_wants_an_address)
{
    struct firmware_source source = source_of(put("fw.bin", firmware, 64));
    claim_refused(pack(&source), ERR_BAD_REQUEST, "Give --address for a flat binary");
    source = flat(put("fw.elf",
                      "\x7f"
                      "ELF and so on",
                      14),
                  FLASH);
    claim_refused(pack(&source), ERR_BAD_REQUEST, "leave --address out");
    source = source_of(path_of("fw.elf"));
    claim_refused(pack(&source), ERR_BAD_REQUEST,
                  "fw.elf into Intel HEX: the file: file format not recognized");
    source = source_of(put("fw.srec", "S1xx\n", 5));
    claim_refused(pack(&source), ERR_BAD_REQUEST, "objcopy cannot turn");
    source = source_of(dir.path);
    claim_refused(pack(&source), ERR_BAD_REQUEST, "is empty or not a plain file");
}
END_TEST

START_TEST(text_with_addresses_is_no_flat_binary)
{
    static const char *const kinds[] = {"ihex", "srec"};
    static const char *const words[] = {"is an Intel HEX file and not a flat binary",
                                        "is a file of S-records and not a flat binary"};
    struct firmware_source source = flat(path_of("fw.out"), FLASH);
    (void)put("fw.bin", firmware, 100);
    for (size_t i = 0; i < 4; i++) {
        run_shell("objcopy -I binary -O %s %s %s", kinds[i / 2], path_of("fw.bin"), source.path);
        if (i % 2 == 1)
            run_shell("tr -d '\\r' <%s | tr 'A-F' 'a-f' >%s && cp %s %s", source.path,
                      path_of("lower"), path_of("lower"), source.path);
        claim_refused(pack(&source), ERR_BAD_REQUEST, words[i / 2]);
    }
    source = flat(put("fw.srec", "S5030001FB", 10), FLASH); /* no line end */
    claim_refused(pack(&source), ERR_BAD_REQUEST, words[1]);
}
END_TEST

/* What begins like one of them by chance. */
START_TEST(binary_that_begins_like_text_is_packed)
{
    static const char *const texts[] = {"S",
                                        ":",
                                        "S5",
                                        "S5030001FC\n",
                                        "S5030001F\n",
                                        "S5040001FB\n",
                                        "S503000GFB\n",
                                        "S5020001FC",
                                        "SA030001FB",
                                        "S50301FB\n",
                                        ":00000001FE",
                                        ":00000001FF\nx",
                                        "S500FF\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct firmware_source source = flat(put("fw.bin", texts[i], strlen(texts[i])), FLASH);
        ck_assert_msg(pack(&source) == ERR_OK, "%s: %s", texts[i], failure.what);
    }
    struct firmware_source source = flat(put("fw.bin",
                                             "S503\0"
                                             "001FB\n",
                                             11),
                                         FLASH);
    ck_assert_int_eq(pack(&source), ERR_OK);
}
END_TEST

START_TEST(every_beginning_of_an_s_record_is_read_within_its_memory)
{
    static const char record[] = "S30D080000006162636465666768C6\r\n";
    for (size_t length = 1; length < sizeof record; length++) {
        uint8_t *exact = memcpy(malloc(length), record, length);
        bool is_whole = length >= 30;
        ck_assert_msg((firmware_kind_prove(bytes_of(exact, length)) == FIRMWARE_SRECORDS) ==
                          is_whole,
                      "%zu", length);
        for (size_t bit = 0; bit < 8 * length; bit++) {
            exact[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            (void)firmware_kind_prove(bytes_of(exact, length));
            exact[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
        free(exact);
    }
}
END_TEST

/* ---- objcopy ---- */

/* A program of that name and no other in PATH. */
static void fake_objcopy(const char *script)
{
    char path[TEMP_PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s:/usr/bin:/bin", dir.path);
    ck_assert_int_eq(chmod(put("objcopy", script, strlen(script)), 0755), 0);
    ck_assert_int_eq(setenv("PATH", path, 1), 0);
}

static enum error convert(int timeout_ms)
{
    int in = memfd_create("in", MFD_CLOEXEC);
    int out = memfd_create("out", MFD_CLOEXEC);
    enum error e = objcopy_to_hex(in, out, "fw.elf", timeout_ms, &failure);
    (void)close(in);
    (void)close(out);
    return e;
}

START_TEST(without_objcopy_it_says_what_to_install)
{
    ck_assert_int_eq(setenv("PATH", dir.path, 1), 0);
    claim_refused(convert(10000), ERR_CONFIG, "Install the package binutils");
}
END_TEST

START_TEST(an_objcopy_that_hangs_is_ended)
{
    fake_objcopy("#!/bin/sh\nexec sleep 100\n");
    deadline_ms until = deadline_in(20000);
    claim_refused(convert(1000), ERR_BAD_REQUEST, "within 1 s; it was ended");
    /* Also when nothing is to be heard of it any more. */
    fake_objcopy("#!/bin/sh\nexec sleep 100 2>/dev/null\n");
    claim_refused(convert(1000), ERR_BAD_REQUEST, "within 1 s; it was ended");
    ck_assert_int_gt(deadline_left_ms(until), 0);
}
END_TEST

START_TEST(only_the_first_line_of_what_it_says_is_shown)
{
    fake_objcopy("#!/bin/sh\necho 'objcopy: /proc/self/fd/9: bad value' >&2\n"
                 "head -c 1000000 /dev/zero | tr '\\0' x >&2\nexit 1\n");
    claim_refused(convert(30000), ERR_BAD_REQUEST, "Intel HEX: the file: bad value");
    ck_assert_ptr_null(strstr(failure.what, "xx"));
    fake_objcopy("#!/bin/sh\nkill -9 $$\n");
    claim_refused(convert(30000), ERR_BAD_REQUEST, "it gave no reason");
}
END_TEST

/* Not even one that an exec would keep. */
START_TEST(objcopy_gets_no_descriptor_of_ours)
{
    int ours = open("/dev/zero", O_RDONLY);
    fake_objcopy("#!/bin/sh\nls -l /proc/$$/fd | grep -c -e /dev/zero >&2\nexit 1\n");
    claim_refused(convert(30000), ERR_BAD_REQUEST, "Intel HEX: 0");
    (void)close(ours);
}
END_TEST

static size_t count_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

START_TEST(no_file_and_no_descriptor_stays_behind)
{
    const char *const kinds[] = {"ihex", "elf32-little"};
    (void)put("fw.bin", firmware, 64);
    (void)put("fw.out", "", 0);
    ck_assert_int_eq(setenv("TMPDIR", dir.path, 1), 0);
    size_t files = count_files(&dir);
    size_t descriptors = count_descriptors();
    for (size_t i = 0; i < 4; i++) {
        struct firmware_source source = source_of(path_of("fw.out"));
        if (i >= 2)
            source.option_bytes = "/nowhere";
        run_shell("objcopy -I binary -O %s --change-section-address .data=0x08000000 %s %s",
                  kinds[i % 2], path_of("fw.bin"), path_of("fw.out"));
        ck_assert_int_eq(pack(&source) == ERR_OK, i < 2);
        ck_assert_uint_eq(count_descriptors(), descriptors);
        ck_assert_uint_eq(count_files(&dir), files);
    }
}
END_TEST

/* ---- the command ---- */

static struct vault_double vault;
static struct provctl run;
static Provisiond__AdminReply reply = PROVISIOND__ADMIN_REPLY__INIT;
static Provisiond__ImageEncryptReply encrypted = PROVISIOND__IMAGE_ENCRYPT_REPLY__INIT;
static uint8_t digest[32];

static void start_vault(void)
{
    vault_start(&vault, &dir);
    encrypted.image = (ProtobufCBinaryData){.data = digest, .len = sizeof digest};
    reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_ENCRYPT;
    reply.image_encrypt = &encrypted;
    vault.reply = &reply;
}

#define ENCRYPT(...)                                                                       \
    PROVCTL(&dir, &run, "image", "encrypt", "--socket", vault.socket, "--product", "chip", \
            __VA_ARGS__)

START_TEST(an_st_sfi_image_goes_to_the_vault_as_records)
{
    start_vault();
    ENCRYPT(put("fw.bin", firmware, 100), "--format", "st-sfi", "--address", "0x08000000",
            "--option-bytes", path_of("options.bin"), "--external-from", "0x8000020");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(vault.request->image_encrypt->format, "st-sfi");
    ck_assert_uint_eq(vault.file_length, 20 + 22 + 32 + 22 + 80 + 22 + 12);
    memcpy(packed, vault.file, vault.file_length);
    split_records(vault.file_length);
    claim_area(1, 'F', FLASH, bytes_of(firmware, 32));
    claim_area(2, 'E', FLASH + 32, bytes_of(firmware + 32, 68));
    claim_area(3, 'C', 0, bytes_of("option bytes", 12));
    vault_stop(&vault);
}
END_TEST

static void claim_exit(int exit, const char *words)
{
    ck_assert_msg(run.exit == exit, "exit %d: %s", run.exit, run.err);
    ck_assert_msg(strstr(run.err, words) != NULL, "%s", run.err);
}

/* Both hold the firmware in clear. */
START_TEST(neither_provctl_nor_objcopy_writes_a_core_file)
{
    fake_objcopy("#!/bin/sh\n"
                 "sed -n 's/^Max core file size *//p' /proc/$PPID/limits /proc/$$/limits |"
                 "tr -s '\\n ' '  ' >&2\n"
                 "exit 1\n");
    start_vault();
    ck_assert_int_eq(setrlimit(RLIMIT_CORE, &(struct rlimit){4096, 4096}), 0);
    ENCRYPT(put("fw.elf",
                "\x7f"
                "ELF",
                4),
            "--format", "st-sfi", "--option-bytes", path_of("options.bin"));
    claim_exit(1, "Intel HEX: 1 1 bytes 1 1 bytes");
    /* A limit that is lower already stays. */
    ck_assert_int_eq(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}), 0);
    ENCRYPT(path_of("fw.elf"), "--format", "st-sfi", "--option-bytes", path_of("options.bin"));
    claim_exit(1, "Intel HEX: 0 0 bytes 0 0 bytes");
    vault_stop(&vault);
}
END_TEST

START_TEST(what_was_packed_is_said)
{
    start_vault();
    ENCRYPT(put("fw.bin", firmware, 10000), "--format", "st-sfi", "--address", "0x08000000",
            "--option-bytes", path_of("options.bin"), "--json");
    ck_assert_str_eq(run.err, "Packed 3 areas: 10000 bytes at 0x08000000 to 0x0800270f, and 12 "
                              "option bytes.\n");
    ck_assert_ptr_null(strstr(run.out, "Packed"));
    ENCRYPT(path_of("fw.bin"), "--format", "st-sfi", "--address", "0x8000000", "--option-bytes",
            path_of("options.bin"), "--external-from", "0x08000020");
    ck_assert_str_eq(run.err, "Packed 4 areas: 10000 bytes at 0x08000000 to 0x0800001f, 0x08000020 "
                              "to 0x0800270f (external), and 12 option bytes.\n");
    vault_stop(&vault);
}
END_TEST

START_TEST(of_many_places_the_first_are_said)
{
    char text[512];
    int length = 0;
    for (unsigned i = 0; i < 10; i++)
        length += snprintf(text + length, sizeof text - (size_t)length, ":02%X000004142%02X\n", i,
                           (0x100 - 0x85 - i * 16) & 0xff);
    length += snprintf(text + length, sizeof text - (size_t)length, "%s", END);
    start_vault();
    ENCRYPT(put("fw.hex", text, (size_t)length), "--format", "st-sfi", "--option-bytes",
            path_of("options.bin"));
    claim_exit(0, "Packed 11 areas: 20 bytes at 0x00000000 to 0x00000001, 0x00001000 to ");
    claim_exit(0, "0x00007001 and in 2 more places, and 12 option bytes.\n");
    vault_stop(&vault);
}
END_TEST

START_TEST(a_wrong_line_never_reaches_the_vault)
{
    const char *fw = put("fw.bin", firmware, 100);
    const char *ob = path_of("options.bin");
    start_vault();
    ENCRYPT(fw, "--format", "st-sfi");
    claim_exit(64, "--format st-sfi wants --option-bytes FILE as well");
    ENCRYPT(fw, "--option-bytes", ob);
    claim_exit(64, "belong to --format st-sfi");
    ENCRYPT(fw, "--address", "0x0");
    claim_exit(64, "belong to --format st-sfi");
    ENCRYPT(fw, "--format", "st-sfi", "--option-bytes", ob, "--address", "0x");
    claim_exit(64, "--address wants an address");
    ENCRYPT(fw, "--format", "st-sfi", "--option-bytes", ob, "--address", "08000000");
    claim_exit(64, "--address wants an address: 0x and hex digits");
    ENCRYPT(fw, "--format", "st-sfi", "--option-bytes", ob, "--external-from", "-1");
    claim_exit(64, "--external-from wants an address");
    ENCRYPT(fw, "--format", "st-sfi", "--option-bytes", ob, "--address", "0x10000000000000000");
    claim_exit(64, "--address wants an address");
    ENCRYPT(fw, "--format", "st-sfi", "--option-bytes", ob, "--address", "0x8");
    claim_exit(1, "The segment of 100 bytes at 0x00000008 of");
    ENCRYPT(fw, "--format", "elf");
    claim_exit(64, "--format is cms, suit, mcuboot, jwe, esp-rsa or st-sfi");
    ck_assert_uint_eq(vault.request_count, 0);
    vault_stop(&vault);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {adjacent_records_are_one_segment,
                                  records_may_come_in_any_order,
                                  both_kinds_of_upper_addresses_count,
                                  a_gap_within_a_block_is_erased_flash,
                                  what_overlaps_stays_apart,
                                  a_wrong_line_is_named,
                                  every_shorter_text_is_refused,
                                  every_flipped_bit_is_seen,
                                  random_records_never_reach_beyond_their_memory,
                                  a_flat_binary_becomes_areas_and_the_option_bytes_the_last,
                                  hex_elf_and_srecords_say_the_same_as_a_flat_binary,
                                  an_elf_of_another_machine_is_read,
                                  what_lies_at_or_above_the_border_is_external,
                                  the_packers_refusal_names_the_segment,
                                  sections_that_overlap_are_refused_with_their_address,
                                  an_address_that_intel_hex_cannot_say_is_refused,
                                  the_option_bytes_are_1_to_4096,
                                  a_file_of_an_unknown_kind_wants_an_address,
                                  text_with_addresses_is_no_flat_binary,
                                  text_with_addresses_is_no_option_bytes,
                                  an_encrypted_image_is_no_firmware,
                                  binary_that_begins_like_text_is_packed,
                                  every_beginning_of_an_s_record_is_read_within_its_memory,
                                  without_objcopy_it_says_what_to_install,
                                  an_objcopy_that_hangs_is_ended,
                                  only_the_first_line_of_what_it_says_is_shown,
                                  objcopy_gets_no_descriptor_of_ours,
                                  no_file_and_no_descriptor_stays_behind,
                                  an_st_sfi_image_goes_to_the_vault_as_records,
                                  neither_provctl_nor_objcopy_writes_a_core_file,
                                  what_was_packed_is_said,
                                  of_many_places_the_first_are_said,
                                  a_wrong_line_never_reaches_the_vault,
                                  NULL};
    return suite_run("cli firmware", set_up, tear_down, tests);
}
