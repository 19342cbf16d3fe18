# fanlight_test(NAME SOURCES file... LINK target... [LABELS label...] [ARGS arg...] [TIMEOUT seconds])
# One GoogleTest program, registered with ctest as a whole. Labels in use: root (attaches to a process it started), gui
# (needs Xvfb), e2e (runs several programs), qemu (boots another kernel in an emulator). A test that shares CPU time with others sets RUN_SERIAL by label e2e or root.
include_guard()
if(NOT BUILD_TESTING)
  return()
endif()
find_package(GTest REQUIRED)

add_library(fanlight_test_headers OBJECT ${PROJECT_BINARY_DIR}/precompiled.cpp)
target_link_libraries(fanlight_test_headers PRIVATE fanlight::options GTest::gtest)
target_precompile_headers(
  fanlight_test_headers PRIVATE <gtest/gtest.h> <chrono> <filesystem> <fstream> <functional> <optional> <span>
  <sstream> <string> <thread> <vector>)

function(fanlight_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LINK;LABELS;ARGS;DEPENDS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE fanlight::options fanlight::warnings ${arg_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE FANLIGHT_SOURCE_DIR="${PROJECT_SOURCE_DIR}" FANLIGHT_BINARY_DIR="${PROJECT_BINARY_DIR}")
  fanlight_precompile(${name} fanlight_test_headers)
  if(arg_DEPENDS)
    add_dependencies(${name} ${arg_DEPENDS})
  endif()
  add_test(NAME ${name} COMMAND ${name} ${arg_ARGS})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
  if("root" IN_LIST arg_LABELS OR "e2e" IN_LIST arg_LABELS OR "gui" IN_LIST arg_LABELS)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()
