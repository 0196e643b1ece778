# Checks of the source as CTest cases: the check itself, and its self-test, which plants violations.
find_program(WC_PYTHON NAMES python3)
if(NOT WC_PYTHON)
    message(STATUS "python3 is not installed: no checks of the source (scripts/setup.sh --tests installs it)")
    return()
endif()

# The compilers prove the pure rooms pure: -std=c11 -pedantic, and MinGW where it is installed (--lint installs it).
add_test(NAME pure COMMAND ${WC_PYTHON} ${CMAKE_SOURCE_DIR}/tools/check_pure.py ${CMAKE_SOURCE_DIR})
add_test(NAME pure.mingw COMMAND ${WC_PYTHON} ${CMAKE_SOURCE_DIR}/tools/check_pure.py --mingw ${CMAKE_SOURCE_DIR})
add_test(NAME pure.self-test COMMAND ${WC_PYTHON} ${CMAKE_SOURCE_DIR}/tools/check_pure.py --self-test)
set_tests_properties(pure pure.mingw pure.self-test PROPERTIES TIMEOUT 120 SKIP_RETURN_CODE 77 LABELS checks
                     ENVIRONMENT "CC=${CMAKE_C_COMPILER}")

foreach(check layers docs size banned format)
    add_test(NAME ${check} COMMAND ${WC_PYTHON} ${CMAKE_SOURCE_DIR}/tools/check_${check}.py ${CMAKE_SOURCE_DIR})
    add_test(NAME ${check}.self-test COMMAND ${WC_PYTHON} ${CMAKE_SOURCE_DIR}/tools/check_${check}.py --self-test)
    set_tests_properties(${check} ${check}.self-test PROPERTIES TIMEOUT 60 SKIP_RETURN_CODE 77 LABELS checks)
endforeach()

# libwcompose installed into an empty prefix and used from there.
if(TARGET wcompose_shared)
    add_test(NAME library COMMAND ${WC_PYTHON} ${CMAKE_SOURCE_DIR}/tools/check_library.py ${CMAKE_BINARY_DIR})
    set_tests_properties(library PROPERTIES TIMEOUT 120 LABELS checks)
endif()

# Each option of config on one project: exact output.
if(TARGET wcompose)
    add_test(NAME cli.config_options COMMAND ${WC_PYTHON} ${CMAKE_SOURCE_DIR}/tests/config/check.py $<TARGET_FILE:wcompose>)
    set_tests_properties(cli.config_options PROPERTIES TIMEOUT 300)
endif()

# The JSON Schema is held against the golden cases by a validator that isn't ours.
if(TARGET wcompose)
    add_test(NAME spec.schema COMMAND ${WC_PYTHON} -W ignore ${CMAKE_SOURCE_DIR}/tests/schema/check.py
             $<TARGET_FILE:wcompose> ${CMAKE_SOURCE_DIR}/tests/golden/spec)
    set_tests_properties(spec.schema PROPERTIES TIMEOUT 60 SKIP_RETURN_CODE 77)
endif()

# Unpacked images entry by entry against umoci's; many processes at one store, some of them killed.
if(TARGET wcompose)
    add_test(NAME images.umoci COMMAND ${WC_PYTHON} ${CMAKE_SOURCE_DIR}/tests/images/compare.py $<TARGET_FILE:wcompose>)
    add_test(NAME images.crowd COMMAND ${WC_PYTHON} ${CMAKE_SOURCE_DIR}/tests/images/crowd.py $<TARGET_FILE:wcompose>)
    set_tests_properties(images.umoci images.crowd PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
endif()
