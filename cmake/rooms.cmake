# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0

# room(NAME SOURCES file... [ROOMS room...] [LIBRARIES target...])
#
# A static library whose own headers are included as "NAME-of-folder/header.h" by whoever links it.
# ROOMS are linked publicly (their headers may appear in ours), LIBRARIES privately: no third-party
# type escapes its room.
function(room name)
    cmake_parse_arguments(ARG "" "" "SOURCES;ROOMS;LIBRARIES" ${ARGN})
    add_library(${name} STATIC ${ARG_SOURCES})
    target_include_directories(${name}
        PUBLIC ${CMAKE_BINARY_DIR}/include/${name}
        PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${ARG_ROOMS} PRIVATE warnings ${ARG_LIBRARIES})
    # One symbolic link per target keeps "folder/header.h" spelling without exposing other folders.
    get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include/${name})
    file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}
        ${CMAKE_BINARY_DIR}/include/${name}/${folder} SYMBOLIC)
    set_property(GLOBAL APPEND PROPERTY PROVISIOND_ROOMS ${name})
    set_property(GLOBAL PROPERTY PROVISIOND_ROOM_${name} "${ARG_ROOMS}")
endfunction()

# messages(NAME schema.proto [ROOMS room...])
#
# The C code of a message schema, generated at build time and compiled without our warnings.
# Included as "schema.pb-c.h".
function(messages name schema)
    cmake_parse_arguments(ARG "" "" "ROOMS" ${ARGN})
    get_filename_component(base ${schema} NAME_WE)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/generated)
    file(MAKE_DIRECTORY ${out})
    add_custom_command(
        OUTPUT ${out}/${base}.pb-c.c ${out}/${base}.pb-c.h
        COMMAND ${PROTOC_C} --c_out=${out} -I${CMAKE_CURRENT_SOURCE_DIR} -I${CMAKE_SOURCE_DIR}/core
                ${CMAKE_CURRENT_SOURCE_DIR}/${schema}
        DEPENDS ${schema} ${CMAKE_SOURCE_DIR}/core/fault.proto
        VERBATIM)
    add_library(${name} STATIC ${out}/${base}.pb-c.c ${out}/${base}.pb-c.h)
    target_compile_options(${name} PRIVATE -w)
    target_include_directories(${name} PUBLIC ${out})
    target_link_libraries(${name} PUBLIC ${ARG_ROOMS} PkgConfig::PROTOBUFC)
endfunction()
