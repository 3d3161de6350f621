#include "analyzer/symbolize/demangle_rust.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "analyzer/symbolize/demangle.h"
#include "analyzer/symbolize/testing.h"

namespace tidemark::symbolize {
namespace {

TEST(DemangleRustLegacy, Names) {
  EXPECT_EQ(DemangleRustLegacy("_ZN4core3ptr18real_drop_in_place17h0123456789abcdefE"),
            "core::ptr::real_drop_in_place");
  EXPECT_EQ(DemangleRustLegacy("_ZN66_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..drop..Drop"
                               "$GT$4drop17h0123456789abcdefE"),
            "<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop");
  EXPECT_EQ(DemangleRustLegacy("_ZN3app28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE"),
            "app::{{closure}}");
  EXPECT_FALSE(DemangleRustLegacy("_ZN99x17h0123456789abcdefE"));
  EXPECT_FALSE(DemangleRustLegacy("_ZN0117h0123456789abcdefE"));
  EXPECT_FALSE(DemangleRustLegacy("_ZN4core3ptrE"));
}

struct Case {
  const char* symbol;
  const char* name;
};

TEST(DemangleRustV0, Names) {
  static constexpr Case kCases[] = {
      {"_RNvC6_123foo3bar", "123foo::bar"},
      {"_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y",
       "utf8_idents::\xe1\x83\xa1\xe1\x83\x90\xe1\x83\xad\xe1\x83\x9b\xe1\x83\x94\xe1\x83\x9a\xe1"
       "\x83\x90\xe1\x83\x93_\xe1\x83\x92\xe1\x83\x94\xe1\x83\x9b\xe1\x83\xa0\xe1\x83\x98\xe1\x83"
       "\x94\xe1\x83\x9a\xe1\x83\x98_\xe1\x83\xa1\xe1\x83\x90\xe1\x83\x93\xe1\x83\x98\xe1\x83\x9a"
       "\xe1\x83\x98"},
      {"_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeINtNtCslNYArtu3iFV_5alloc3vec3VechEECsjrHSEGn"
       "Q3l9_3std",
       "core::ptr::drop_in_place::<alloc::vec::Vec<u8>>"},
      {"_RNvXs8_NtCsjrHSEGnQ3l9_3std7processNtB5_10ChildStdinNtNtCsgEmfK2I1SDS_4core3fmt5Debug3fmt",
       "<std::process::ChildStdin as core::fmt::Debug>::fmt"},
      {"_RNvXsL_NtCsfoXig8kEbyV_12simd_adler324hashAhj2f_NtB7_11Adler32Hash4hash",
       "<[u8; 47] as simd_adler32::Adler32Hash>::hash"},
      {"_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_", "cc::spawn::{closure#0}::{closure#0}"},
      {"_RNSC1a6vtable", "a::{shim:vtable#0}"},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(DemangleRustV0(c.symbol).value_or("(none)"), c.name) << c.symbol;
  }
}

TEST(DemangleRustV0, TypesAndConstants) {
  static constexpr Case kCases[] = {
      {"_RIC1aFUKCPhERAmj2_E", "a::<unsafe extern \"C\" fn(*const u8) -> &[u32; 2]>"},
      {"_RIC1aFG_RL0_eEuE", "a::<for<'a> fn(&'a str)>"},
      {"_RIC1aFG0_RL1_eQL0_SbEuE", "a::<for<'a, 'b> fn(&'a str, &'b mut [bool])>"},
      {"_RIC1aTlEE", "a::<(i32,)>"},
      {"_RIC1aTllEuE", "a::<(i32, i32), ()>"},
      {"_RIC1aDNtC1b1Tp4ItemhEL_E", "a::<dyn b::T<Item = u8>>"},
      {"_RIC1aDNtC1b1TNtC1b1UEL_E", "a::<dyn b::T + b::U>"},
      {"_RIC1aKj7b_Kan5_Kb1_Kc41_Kp_KoffffffffffffffffffE", nullptr},  // the last lacks its end
      {"_RIC1aKj7b_Kan5_Kb1_Kc41_KpKo123456789abcdef01_E",
       "a::<123, -5, true, 'A', _, 0x123456789abcdef01>"},
      {"_RIC1aKRe616263_E", "a::<{\"abc\"}>"},
      {"_RIC1aKTlj1_E", nullptr},
      {"_RMC1aSh", "<[u8]>"},
      {"_RYhNtC1b1T", "<u8 as b::T>"},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(DemangleRustV0(c.symbol),
              c.name == nullptr ? std::nullopt : std::optional<std::string>(c.name))
        << c.symbol;
  }
}

TEST(DemangleRustV0, WhatIsNone) {
  for (const char* symbol :
       {"", "_R", "_Rx", "_RNv", "_RNvC", "_RNvC3ab", "_RB_", "_RNvB0_3abc", "_R9NvC1a1b",
        "_RNvC1a1bX", "_RNvC99999999999999999999a1b", "_RIC1aL5_E", "_RIC1aKc110000_E"}) {
    EXPECT_FALSE(DemangleRustV0(symbol)) << symbol;
  }
  // What other tools append is left out, whatever it is.
  EXPECT_EQ(DemangleRustV0("_RNvC1a1b.llvm.0123456789ABCDEF"), "a::b");
}

// Symbols that stand for more than anybody could print, or nest without end.
TEST(DemangleRustV0, HostileSymbolsAreBounded) {
  EXPECT_FALSE(DemangleRustV0("_RIC1a" + std::string(60000, 'R') + "hE"));
  EXPECT_FALSE(DemangleRustV0("_RMC1a" + std::string(60000, 'S')));
  std::string tower = "_RIC1aTThhhhhhhhE";  // each tuple holds the one before it ten times
  size_t at = tower.size() - 2 - 9;         // of "Thhhhhhhh" in the text after _R
  for (int i = 0; i < 12; ++i) {
    const size_t next = tower.size() - 2;
    tower += "T";
    for (int n = 0; n < 10; ++n) {
      std::string back;
      size_t value = at;
      if (value == 0) {
        back = "_";
      } else {
        for (--value;; value /= 62) {
          back.insert(back.begin(),
                      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[value % 62]);
          if (value < 62) break;
        }
        back += "_";
      }
      tower += "B" + back;
    }
    tower += "E";
    at = next;
  }
  EXPECT_FALSE(DemangleRustV0(tower + "EE"));
}

// All of a real program's, with the library code that it was compiled with.
TEST(DemangleRustV0, AgreesWithLlvmOnARealProgram) {
  const ScratchDirectory dir;
  dir.Write("shop.rs", R"(
use std::collections::HashMap;
trait Shape { type Unit; fn area(&self) -> f64; }
struct Square<const N: usize, const B: bool, const C: char>(i32);
impl<const N: usize, const B: bool, const C: char> Shape for Square<N, B, C> {
  type Unit = u8;
  #[inline(never)] fn area(&self) -> f64 { N as f64 + self.0 as f64 }
}
struct Negative<const N: i64>;
impl<const N: i64> Negative<N> { #[inline(never)] fn value(&self) -> i64 { N } }
mod größe { #[inline(never)] pub fn über() -> i32 { println!("x"); 4 } }
#[inline(never)] fn apply<F: Fn(&str) -> usize>(f: F, s: &str) -> usize { f(s) }
#[inline(never)] fn area(shape: &dyn Shape<Unit = u8>) -> f64 { shape.area() }
#[inline(never)] fn size<T>(_x: T) -> usize { std::mem::size_of::<T>() }
extern "C" fn callback(_a: i32) {}
fn main() {
  let mut m: HashMap<String, Vec<(u8, i16)>> = HashMap::new();
  m.entry("a".into()).or_default().push((1, 2));
  let k = m.len();
  println!("{} {}", apply(|s| s.len() + k, "hi"), area(&Square::<3, true, 'x'>(2)));
  println!("{}", size::<for<'a> fn(&'a str, &'a mut [u8]) -> &'a str>(|s, _| s));
  println!("{}", size(callback as extern "C" fn(i32)));
  println!("{}", size::<Option<Box<dyn for<'a> Fn(&'a str) -> Box<dyn Iterator<Item = &'a u8> + 'a>
                                   + Send>>>(None));
  println!("{} {}", Negative::<-5>.value(), Negative::<{i64::MAX}>.value());
  println!("{}", größe::über());
  let threads: Vec<_> = (0..4)
      .map(|x| std::thread::spawn(move || (0..x).map(|y| y * 2).sum::<i32>()))
      .collect();
  for t in threads { println!("{}", t.join().unwrap()); }
}
)");
  dir.Run("rustc -C symbol-mangling-version=v0 -C codegen-units=4 -g -o shop shop.rs");
  dir.Run("nm shop | awk '{print $NF}' | grep '^_R' | sed 's/[.].*//' | sort -u > symbols");
  dir.Run("llvm-cxxfilt-14 < symbols > names");
  std::ifstream symbols(dir.Path("symbols"));
  std::ifstream names(dir.Path("names"));
  std::string symbol, name;
  int count = 0;
  while (std::getline(symbols, symbol) && std::getline(names, name)) {
    ++count;
    if (name == symbol) continue;  // newer than it is
    EXPECT_EQ(DemangleRustV0(symbol), name) << symbol;
    EXPECT_EQ(Demangle(symbol), name);
  }
  EXPECT_GE(count, 100);
}

}  // namespace
}  // namespace tidemark::symbolize
