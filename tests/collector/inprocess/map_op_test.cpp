#include "collector/inprocess/map_op.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>

namespace {

std::string output_of(const std::string& command) {
  std::string output;
  FILE* const pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> buffer;
  for (std::size_t got; pipe != nullptr && (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    output.append(buffer.data(), got);
  if (pipe != nullptr) ::pclose(pipe);
  return output;
}

int g_evaluated = 0;
unsigned long counted() { return static_cast<unsigned long>(++g_evaluated); }

void pass_the_point() { FANLIGHT_MAP_OP("topics", 3, FANLIGHT_MAP_OP_LOOKUP, counted(), 250); }

TEST(MapOp, ArgumentsAreReadOnlyForATracer) {
  EXPECT_FALSE(FANLIGHT_MAP_OP_ENABLED());
  pass_the_point();
  EXPECT_EQ(g_evaluated, 0);
  fanlight_map_op_semaphore = 1;  // what the kernel does for a tracer
  pass_the_point();
  fanlight_map_op_semaphore = 0;
  EXPECT_EQ(g_evaluated, 1);
}

TEST(MapOp, TheProgramCarriesANoteWithTheSemaphore) {
  char self[4096];
  const ssize_t length = ::readlink("/proc/self/exe", self, sizeof self - 1);
  ASSERT_GT(length, 0);
  const std::string notes = output_of("readelf -nW '" + std::string(self, static_cast<std::size_t>(length)) + "'");
  EXPECT_NE(notes.find("Provider: fanlight"), std::string::npos) << notes;
  EXPECT_NE(notes.find("Name: map_op"), std::string::npos) << notes;
  const std::size_t at = notes.find("Semaphore: 0x");
  ASSERT_NE(at, std::string::npos) << notes;
  EXPECT_NE(std::stoull(notes.substr(at + 13), nullptr, 16), 0u) << notes;
  // Five arguments: pointer, two of 4 bytes, two of 8.
  const std::size_t arguments = notes.find("Arguments: 8@");
  ASSERT_NE(arguments, std::string::npos) << notes;
  const std::string line = notes.substr(arguments, notes.find('\n', arguments) - arguments);
  EXPECT_NE(line.find(" 4@"), std::string::npos) << line;
}

}  // namespace
