# Helpers, so that each room is one line in the root list.

# wc_library(NAME pkg-config-module library): imported target wc::NAME; the static archive with WC_STATIC_DEPS.
function(wc_library name module lib)
    pkg_check_modules(${name} REQUIRED ${module})
    add_library(wc::${name} INTERFACE IMPORTED GLOBAL)
    target_include_directories(wc::${name} SYSTEM INTERFACE ${${name}_INCLUDE_DIRS})
    set(link ${${name}_LINK_LIBRARIES})
    if(WC_STATIC_DEPS)
        find_library(${name}_ARCHIVE NAMES lib${lib}_a.a lib${lib}.a)
        if(${name}_ARCHIVE)
            set(link ${${name}_ARCHIVE})
            if(name STREQUAL "ARCHIVE") # the formats and filters that images/ asks for need no more than these
                find_library(ZLIB_ARCHIVE NAMES libz.a REQUIRED)
                find_library(ZSTD_ARCHIVE NAMES libzstd.a REQUIRED)
                list(APPEND link ${ZLIB_ARCHIVE} ${ZSTD_ARCHIVE})
            endif()
        endif()
    endif()
    target_link_libraries(wc::${name} INTERFACE ${link} pthread dl)
endfunction()

# wc_loaded_library(NAME pkg-config-module): imported target wc::NAME with the headers of a library that the program loads by itself.
function(wc_loaded_library name module)
    pkg_check_modules(${name} REQUIRED ${module})
    add_library(wc::${name} INTERFACE IMPORTED GLOBAL)
    target_include_directories(wc::${name} SYSTEM INTERFACE ${${name}_INCLUDE_DIRS})
    target_link_libraries(wc::${name} INTERFACE dl)
endfunction()

# wc_optional_library(NAME pkg-config-module DEFINE): imported target wc::NAME of a library that the program loads by itself and can do
# without; with -DDEFINE where its headers are installed.
function(wc_optional_library name module define)
    pkg_check_modules(${name} QUIET ${module})
    add_library(wc::${name} INTERFACE IMPORTED GLOBAL)
    if(${name}_FOUND)
        target_include_directories(wc::${name} SYSTEM INTERFACE ${${name}_INCLUDE_DIRS})
        target_compile_definitions(wc::${name} INTERFACE ${define})
        target_link_libraries(wc::${name} INTERFACE dl)
    else()
        message(STATUS "${module} is not installed: the build goes on without it (scripts/setup.sh installs it)")
    endif()
endfunction()

# wc_across_files(target…): with WC_LTO they are optimised as a whole (a pass of the reconciler takes three quarters of the time). Libraries
# keep ordinary code beside it, so that tests, which link often, needn't.
function(wc_across_files)
    if(NOT WC_LTO OR NOT CMAKE_C_COMPILER_ID STREQUAL "GNU")
        return()
    endif()
    foreach(target ${ARGN})
        get_target_property(type ${target} TYPE)
        if(type STREQUAL "EXECUTABLE")
            target_link_options(${target} PRIVATE -flto=auto)
            set_target_properties(${target} PROPERTIES WC_ACROSS_FILES ON)
        else()
            target_compile_options(${target} PRIVATE -flto -ffat-lto-objects)
        endif()
    endforeach()
endfunction()

# wc_room(name folder… LINK target…): static library wc_<name> of every .c file in the folders (main.c excepted).
function(wc_room name)
    cmake_parse_arguments(ROOM "" "" "LINK" ${ARGN})
    set(sources)
    foreach(folder ${ROOM_UNPARSED_ARGUMENTS})
        file(GLOB found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.c)
        list(FILTER found EXCLUDE REGEX "/cli/main\\.c$")
        list(APPEND sources ${found})
    endforeach()
    if(NOT sources)
        add_library(wc_${name} INTERFACE)
        target_link_libraries(wc_${name} INTERFACE ${ROOM_LINK})
        target_include_directories(wc_${name} INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)
        return()
    endif()
    add_library(wc_${name} STATIC ${sources})
    target_include_directories(wc_${name} PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)
    target_link_libraries(wc_${name} PUBLIC ${ROOM_LINK})
endfunction()

# wc_program(name main.c LINK target…)
function(wc_program name main)
    cmake_parse_arguments(PROG "" "" "LINK" ${ARGN})
    if(NOT EXISTS ${CMAKE_SOURCE_DIR}/${main})
        return()
    endif()
    add_executable(${name} ${main})
    target_link_libraries(${name} PRIVATE ${PROG_LINK})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    add_dependencies(${name} wcompose-keeper-program wcompose-join-program wcompose-init-program
                     wcompose-dns-program wcompose-monitor-program wcompose-guest-program)
endfunction()

# wc_static_program(name folder prefix [file…]): a static helper of <folder>/<prefix>*.c and drivers/keeper/common*.c, by musl where it is
# installed (32 KiB of memory an instance against 61 and more with glibc), never sanitized: it has no runtime to report to.
find_program(WC_MUSL_GCC musl-gcc)

# wc_static_pie(BEFORE AFTER): how to link a static program that the kernel may load anywhere, as what goes before and after the
# sources. musl-gcc's specs know no -static-pie and would quietly link a dynamic program, so its pieces are named one by one: the start
# file that relocates itself lies beside the one that the specs name. Where it is missing, the program gets a fixed address.
function(wc_static_pie before after)
    set(${before} -static-pie -fPIE PARENT_SCOPE)
    set(${after} "" PARENT_SCOPE)
    if(NOT WC_MUSL_GCC)
        return()
    endif()
    execute_process(COMMAND ${WC_MUSL_GCC} "-###" -x c /dev/null ERROR_VARIABLE said OUTPUT_QUIET)
    string(REGEX MATCH "[^ \"]*/Scrt1\\.o" start "${said}")
    get_filename_component(dir "${start}" DIRECTORY)
    execute_process(COMMAND ${WC_MUSL_GCC} -print-file-name=crtbeginS.o OUTPUT_VARIABLE begin OUTPUT_STRIP_TRAILING_WHITESPACE)
    execute_process(COMMAND ${WC_MUSL_GCC} -print-file-name=crtendS.o OUTPUT_VARIABLE end OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(start AND EXISTS ${dir}/rcrt1.o AND EXISTS ${begin} AND EXISTS ${end})
        set(${before} -static -fPIE -nostartfiles -Wl,-pie,--no-dynamic-linker,-z,text ${dir}/rcrt1.o ${dir}/crti.o ${begin} PARENT_SCOPE)
        set(${after} ${end} ${dir}/crtn.o PARENT_SCOPE)
    else()
        message(STATUS "musl has no rcrt1.o here: helper programs are linked to a fixed address")
        set(${before} -static PARENT_SCOPE)
    endif()
endfunction()
wc_static_pie(WC_STATIC_BEFORE WC_STATIC_AFTER)

function(wc_static_program name folder prefix)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/${prefix}*.c ${CMAKE_SOURCE_DIR}/drivers/keeper/common*.c)
    file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.h ${CMAKE_SOURCE_DIR}/drivers/keeper/*.h ${CMAKE_SOURCE_DIR}/drivers/hyperv/*.h)
    foreach(file ${ARGN})
        list(APPEND sources ${CMAKE_SOURCE_DIR}/${file})
    endforeach()
    set(cc ${CMAKE_C_COMPILER})
    if(WC_MUSL_GCC)
        set(cc ${WC_MUSL_GCC})
    endif()
    set(out ${CMAKE_BINARY_DIR}/${name})
    if(NOT sources)
        add_custom_target(${name}-program)
        return()
    endif()
    set(werror)
    if(WC_WERROR)
        set(werror -Werror)
    endif()
    add_custom_command(OUTPUT ${out}
        COMMAND ${cc} -std=gnu11 -D_GNU_SOURCE -Os -g0 -s -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections
                -fstack-protector-strong -Wl,--gc-sections,-z,noseparate-code,-z,relro,-z,now,-z,noexecstack
                -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef ${werror}
                -I${CMAKE_SOURCE_DIR} -o ${out} ${WC_STATIC_BEFORE} ${sources} ${WC_STATIC_AFTER}
        DEPENDS ${sources} ${headers}
        COMMENT "Linking static program ${name}" VERBATIM)
    add_custom_target(${name}-program ALL DEPENDS ${out})
endfunction()

# wc_unit_tests(folder): tests/unit/<room>/test_<x>.c becomes program test_<room>_<x>, linked with its room (and with more where the
# file says "// LINK: wc_…"); with another timeout than 60 s where it says "// TIMEOUT: SECONDS"; each WC_CASE(name) in it becomes the CTest case <room>.<x>.<name>, a process of its own.
function(wc_unit_tests folder)
    pkg_check_modules(CMOCKA cmocka)
    if(NOT CMOCKA_FOUND)
        message(STATUS "cmocka is not installed: no unit tests (scripts/setup.sh --tests installs it)")
        return()
    endif()
    file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*/test_*.c)
    foreach(test ${tests})
        get_filename_component(dir ${test} DIRECTORY)
        get_filename_component(room ${dir} NAME)
        get_filename_component(stem ${test} NAME_WE)
        string(REPLACE "test_" "" unit ${stem})
        set(target test_${room}_${unit})
        add_executable(${target} ${test})
        target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests ${CMOCKA_INCLUDE_DIRS})
        file(STRINGS ${test} more REGEX "^// LINK: ")
        string(REPLACE "// LINK: " "" more "${more}")
        separate_arguments(more)
        target_link_libraries(${target} PRIVATE ${more} wc_${room} wc_base ${CMOCKA_LINK_LIBRARIES})
        set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
        target_compile_definitions(${target} PRIVATE WC_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
        add_dependencies(${target} wcompose-keeper-program wcompose-join-program wcompose-init-program
                     wcompose-dns-program wcompose-monitor-program wcompose-guest-program)
        file(STRINGS ${test} patience REGEX "^// TIMEOUT: [0-9]+$")
        string(REPLACE "// TIMEOUT: " "" patience "${patience}")
        if(NOT patience)
            set(patience 60)
        endif()
        file(STRINGS ${test} cases REGEX "WC_CASE\\([a-z0-9_]+\\)")
        foreach(line ${cases})
            string(REGEX MATCHALL "WC_CASE\\([a-z0-9_]+\\)" found "${line}")
            foreach(case ${found})
                string(REGEX REPLACE "WC_CASE\\(([a-z0-9_]+)\\)" "\\1" case ${case})
                add_test(NAME ${room}.${unit}.${case} COMMAND ${target} ${case})
                set_tests_properties(${room}.${unit}.${case} PROPERTIES TIMEOUT ${patience} SKIP_RETURN_CODE 77
                    ENVIRONMENT "ASAN_OPTIONS=handle_segv=2:detect_leaks=1;UBSAN_OPTIONS=print_stacktrace=1;WCOMPOSE_LIBEXEC=${CMAKE_BINARY_DIR}")
            endforeach()
        endforeach()
    endforeach()
endfunction()

# wc_isolation_proof(folder): program `isolation_invariants`, the isolation decision over every combination of what it depends on. In
# strict C11, optimised and without sanitizers in every build, as `simulate` below.
function(wc_isolation_proof folder)
    add_executable(isolation_invariants ${CMAKE_SOURCE_DIR}/${folder}/invariants.c ${CMAKE_SOURCE_DIR}/orchestrator/core/isolation.c
                   ${CMAKE_SOURCE_DIR}/orchestrator/core/windows.c)
    target_compile_options(isolation_invariants PRIVATE -std=c11 -pedantic-errors -U_GNU_SOURCE -O2 -fno-sanitize=all)
    target_link_options(isolation_invariants PRIVATE -fno-sanitize=all)
    target_include_directories(isolation_invariants PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)
    set_target_properties(isolation_invariants PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    add_test(NAME isolation.invariants COMMAND isolation_invariants)
    set_tests_properties(isolation.invariants PROPERTIES TIMEOUT 120)
endfunction()

# wc_simulation(folder): program `simulate`, the engine over the simulated host. Optimised and without sanitizers in every build (the
# unit tests run the same code under them): what it proves grows with the number of steps.
function(wc_simulation folder)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.c ${CMAKE_SOURCE_DIR}/base/*.c ${CMAKE_SOURCE_DIR}/images/*.c
         ${CMAKE_SOURCE_DIR}/orchestrator/*.c ${CMAKE_SOURCE_DIR}/orchestrator/core/*.c ${CMAKE_SOURCE_DIR}/drivers/sim/*.c)
    list(FILTER sources EXCLUDE REGEX "/orchestrator/(client|control|supervisor|preview|history|ledger|journal|disk|logs|events)[a-z_]*\\.c$")
    add_executable(simulate ${sources})
    target_compile_options(simulate PRIVATE -O2 -fno-sanitize=all -Wno-format-truncation)
    target_link_options(simulate PRIVATE -fno-sanitize=all)
    foreach(name registry_lock registry_read registry_put registry_put_claims routes_read networks_name_files networks_files
            networks_read_leading networks_write networks_rollback networks_release)
        target_link_options(simulate PRIVATE -Wl,--wrap=wc_${name})
    endforeach()
    target_include_directories(simulate PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/tests)
    get_target_property(base_links wc_base LINK_LIBRARIES)
    get_target_property(image_links wc_images LINK_LIBRARIES)
    list(FILTER image_links EXCLUDE REGEX "^wc_")
    target_link_libraries(simulate PRIVATE ${base_links} ${image_links} wc::LIBUV)
    set_target_properties(simulate PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    add_test(NAME sim.stories COMMAND simulate --seed 1 --steps 10000000)
    add_test(NAME sim.more_stories COMMAND simulate --seed 1000001 --steps 10000000)
    foreach(seed 847423545 858417975 901116004 920600131) # stories that once ended badly
        add_test(NAME sim.story_${seed} COMMAND simulate --seed ${seed} --steps 200)
        set_tests_properties(sim.story_${seed} PROPERTIES LABELS simulation)
    endforeach()
    set_tests_properties(sim.stories sim.more_stories PROPERTIES TIMEOUT 600 LABELS simulation)
endfunction()

# wc_gitops_simulation(folder): program `simulate_gitops`, the step of apps that follow a source (orchestrator/core/gitops.h), built as
# `simulate` is.
function(wc_gitops_simulation folder)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/gitops/*.c ${CMAKE_SOURCE_DIR}/orchestrator/core/gitops*.c)
    add_executable(simulate_gitops ${sources} ${CMAKE_SOURCE_DIR}/orchestrator/core/backoff.c ${CMAKE_SOURCE_DIR}/base/str.c
                   ${CMAKE_SOURCE_DIR}/base/arena.c ${CMAKE_SOURCE_DIR}/base/alloc.c ${CMAKE_SOURCE_DIR}/base/units.c
                   ${CMAKE_SOURCE_DIR}/base/buf.c)
    target_compile_options(simulate_gitops PRIVATE -O2 -fno-sanitize=all)
    target_link_options(simulate_gitops PRIVATE -fno-sanitize=all)
    target_include_directories(simulate_gitops PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)
    set_target_properties(simulate_gitops PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    add_test(NAME sim.gitops COMMAND simulate_gitops --stories 100000)
    set_tests_properties(sim.gitops PROPERTIES TIMEOUT 600 LABELS simulation)
endfunction()

# wc_crashpoints(folder): program `crashpoints`, the whole supervisor over the simulated host and a simulated disk, built as `simulate` is.
# The linker puts the simulation in the place of what has none: the lock file, the socket, the thread pool (tests/sim/crash/host.c).
function(wc_crashpoints folder)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/crash/*.c ${CMAKE_SOURCE_DIR}/base/*.c ${CMAKE_SOURCE_DIR}/images/*.c
         ${CMAKE_SOURCE_DIR}/spec/*.c ${CMAKE_SOURCE_DIR}/orchestrator/*.c ${CMAKE_SOURCE_DIR}/orchestrator/core/*.c
         ${CMAKE_SOURCE_DIR}/drivers/sim/*.c)
    list(FILTER sources EXCLUDE REGEX "/orchestrator/(client|preview|logs|supervisor_main|supervisor_rest)[a-z_]*\\.c$")
    add_executable(crashpoints ${sources} ${CMAKE_SOURCE_DIR}/${folder}/judge.c ${CMAKE_SOURCE_DIR}/${folder}/judge_net.c
                   ${CMAKE_SOURCE_DIR}/${folder}/formers.c ${CMAKE_SOURCE_DIR}/${folder}/loop.c)
    target_compile_options(crashpoints PRIVATE -O2 -fno-sanitize=all -Wno-format-truncation -Wno-stringop-overread)
    target_link_options(crashpoints PRIVATE -fno-sanitize=all)
    foreach(name uv_queue_work malloc_trim wc_sup_lock wc_sup_unlock wc_sup_remove_empty wc_sup_rest wc_control_listen)
        target_link_options(crashpoints PRIVATE -Wl,--wrap=${name})
    endforeach()
    target_include_directories(crashpoints PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/tests)
    foreach(room base images spec)
        get_target_property(links wc_${room} LINK_LIBRARIES)
        list(FILTER links EXCLUDE REGEX "^wc_")
        target_link_libraries(crashpoints PRIVATE ${links})
    endforeach()
    target_link_libraries(crashpoints PRIVATE wc::LIBUV)
    set_target_properties(crashpoints PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    add_test(NAME sim.crashpoints COMMAND crashpoints)
    set_tests_properties(sim.crashpoints PROPERTIES TIMEOUT 600 LABELS simulation)
endfunction()

# wc_tracer(folder): program `tracer` (see its file). The cases that use it compile it for themselves; here it is held against the warnings.
function(wc_tracer folder)
    if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
        add_executable(tracer ${folder}/tracer.c ${folder}/calls.c)
        set_target_properties(tracer PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    endif()
endfunction()

# wc_fuzzers(folder): tests/fuzz/fuzz_<x>.c becomes libFuzzer program fuzz_<x> over all pure rooms.
function(wc_fuzzers folder)
    file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/fuzz_*.c)
    foreach(fuzzer ${fuzzers})
        get_filename_component(target ${fuzzer} NAME_WE)
        add_executable(${target} ${fuzzer})
        target_link_libraries(${target} PRIVATE wc_orchestrator wc_drivers wc_images wc_spec wc_core wc_base)
        target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
        set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    endforeach()
endfunction()
