#include "collector/symbols/short_name.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace fanlight::symbols {
namespace {

TEST(ShortName, KeepsWhatPeopleRead) {
  struct Case {
    const char* demangled;
    const char* shown;
  };
  for (const Case& c : {
           Case{"main", "main"},
           Case{"fanlight::server::Worker::flush()", "fanlight::server::Worker::flush"},
           Case{"fanlight::server::Worker::size() const", "fanlight::server::Worker::size"},
           Case{"a::f(int) const &", "a::f"},
           Case{"a::f(int) &&", "a::f"},
           Case{"std::vector<int, std::allocator<int> >::push_back(int const&)", "std::vector<int>::push_back"},
           Case{"std::map<int, char, std::less<int>, std::allocator<std::pair<int const, char> > >::at(int const&)",
                "std::map<int, char>::at"},
           Case{"std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >::append(char const*)",
                "std::string::append"},
           Case{"std::vector<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >, "
                "std::allocator<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > > "
                ">::~vector()",
                "std::vector<std::string>::~vector"},
           Case{"std::__1::basic_string<char, std::__1::char_traits<char>, std::__1::allocator<char>>::size() const",
                "std::string::size"},
           Case{"std::ostream::write(char const*, long)", "std::ostream::write"},
           Case{"std::basic_ostream<char, std::char_traits<char> >& std::operator<< <std::char_traits<char> "
                ">(std::basic_ostream<char, std::char_traits<char> >&, char const*)",
                "std::operator<<<std::char_traits<char>>"},
           Case{"void std::sort<int*>(int*, int*)", "std::sort<int*>"},
           Case{"std::chrono::_V2::steady_clock::now()", "std::chrono::steady_clock::now"},
           Case{"my::basic_string<char>::f()", "my::basic_string<char>::f"},
           Case{"(anonymous namespace)::run(int)", "(anonymous namespace)::run"},
           Case{"fanlight::(anonymous namespace)::Loop::step((anonymous namespace)::X)",
                "fanlight::(anonymous namespace)::Loop::step"},
           Case{"main::{lambda(int, char)#1}::operator()(int, char) const", "main::{lambda#1}::operator()"},
           Case{"auto f<int>(int)::{lambda(auto:1)#2}::operator()<long>(long) const",
                "f<int>::{lambda#2}::operator()<long>"},
           Case{"A::go(int) const::{lambda()#1}::operator()() const::{lambda(X<int>)#3}::operator()(X<int>) const",
                "A::go::{lambda#1}::operator()::{lambda#3}::operator()"},
           Case{"std::thread::_State_impl<std::thread::_Invoker<std::tuple<main::{lambda()#1}> > >::_M_run()",
                "std::thread::_State_impl<std::thread::_Invoker<std::tuple<main::{lambda#1}>>>::_M_run"},
           Case{"Foo::operator bool() const", "Foo::operator bool"},
           Case{"Foo::operator std::vector<int, std::allocator<int> >() const", "Foo::operator std::vector<int>"},
           Case{"Foo::operator void (*)(int)() const", "Foo::operator void (*)(int)"},
           Case{"Foo::operator (anonymous namespace)::Bar() const", "Foo::operator (anonymous namespace)::Bar"},
           Case{"operator new(unsigned long)", "operator new"},
           Case{"operator delete[](void*, unsigned long)", "operator delete[]"},
           Case{"a::operator()(int)", "a::operator()"},
           Case{"a::operator<(a::B const&, a::B const&)", "a::operator<"},
           Case{"bool a::operator< <int>(a::B<int> const&)", "a::operator<<int>"},
           Case{"a::operator-><int>(int)", "a::operator-><int>"},
           Case{"a::operator,(int)", "a::operator,"},
           Case{"a::B::operator[](unsigned long) const", "a::B::operator[]"},
           Case{"a::operator\"\" _ms(unsigned long long)", "a::operator\"\" _ms"},
           Case{"operators::f(int)", "operators::f"},
           Case{"void (*ns::get<int>(int))(char)", "ns::get<int>"},
           Case{"int (ns::Foo::*ns::member<int>(int))(char) const", "ns::member<int>"},
           Case{"int (&ns::array<int>())[3]", "ns::array<int>"},
           Case{"decltype ((fp)+(fp0)) ns::plus<int>(int, int)", "ns::plus<int>"},
           Case{"std::enable_if<(sizeof (int))>(2), void>::type ns::f<int>(int)", "ns::f<int>"},
           Case{"ns::g<(1)<(2), int>(int)", "ns::g<(1)<(2), int>"},
           Case{"ns::h<&(ns::operator<(ns::A, ns::A))>()", "ns::h<&(ns::operator<(ns::A, ns::A))>"},
           Case{"std::function<void (int)>::operator()(int) const", "std::function<void (int)>::operator()"},
           Case{"non-virtual thunk to a::B::f(int)", "a::B::f"},
           Case{"a::f[abi:cxx11](int)", "a::f"},
           Case{"a::f(int) [clone .constprop.0] [clone .cold]", "a::f"},
           Case{"a::~B()", "a::~B"},
           Case{"x::Hub<x::PerCore, x::Ring>::publish(x::Frame)", "x::Hub<x::PerCore, x::Ring>::publish"},
           Case{"x::Op<boost::asio::detail::composed_op<int, long, std::vector<int, std::allocator<int> >, "
                "boost::asio::any_io_executor> >::go()",
                "x::Op<boost::asio::detail::composed_op<...>>::go"},
           Case{"x::Op<boost::beast::http::detail::write_some_operation_state, boost::asio::any_io_executor>::go()",
                "x::Op<boost::beast::http::detail::write_some_operation_state, ...>::go"},
           Case{"x::Op<a_very_long_name_that_alone_is_wider_than_what_a_frame_can_show_at_all>::go()",
                "x::Op<...>::go"},
       }) {
    SCOPED_TRACE(c.demangled);
    EXPECT_EQ(short_name(c.demangled), c.shown);
  }
}

TEST(ShortName, WhatDoesNotParseStays) {
  for (const char* text : {"", "f(", "f<int", "a::b)", "operator", "f(int))(", "{lambda(", "<>", " ", "x [clone"}) {
    SCOPED_TRACE(text);
    const std::string shown = short_name(text);
    EXPECT_LE(shown.size(), std::string(text).size());
  }
  EXPECT_EQ(short_name("f("), "f(");
  EXPECT_EQ(short_name("f<int"), "f<int");
  const std::string deep = std::string(5000, '(') + std::string(5000, ')');
  EXPECT_EQ(short_name("f<" + deep + ">"), "f<" + deep + ">") << "nested deeper than is followed";
}

TEST(ShortName, AnyTextIsSurvivedAndGrowsByLittle) {
  std::mt19937 random(11);
  constexpr const char* kPieces[] = {
      "operator", "(",  ")", "<",  ">",      "::",     "a",        " ",
      ",",        "*",  "&", "{",  "}",      "[",      "]",        "lambda(int)#1",
      "std",      "->", "=", "()", " const", "[abi:x", "decltype", "(anonymous namespace)"};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (unsigned pieces = random() % 30; pieces > 0; --pieces) text += kPieces[random() % std::size(kPieces)];
    SCOPED_TRACE(text);
    // ", " may replace ","; "<...>" may replace what is longer than it.
    EXPECT_LE(short_name(text).size(), 2 * text.size() + 8);
  }
}

}  // namespace
}  // namespace fanlight::symbols
