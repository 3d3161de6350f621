#include "gui/format.h"

#include <gtest/gtest.h>

namespace tidemark::gui {
namespace {

std::string text(const QString& s) { return s.toStdString(); }

TEST(Format, BytesHaveThreeDigits) {
  EXPECT_EQ(text(bytesText(0)), "0 B");
  EXPECT_EQ(text(bytesText(812)), "812 B");
  EXPECT_EQ(text(bytesText(999)), "999 B");
  EXPECT_EQ(text(bytesText(1000)), "0.98 kB");
  EXPECT_EQ(text(bytesText(1536)), "1.50 kB");
  EXPECT_EQ(text(bytesText(10240)), "10.0 kB");
  EXPECT_EQ(text(bytesText(524288)), "512 kB");
  EXPECT_EQ(text(bytesText(-3.2 * 1024 * 1024 * 1024)), "−3.20 GB");
  EXPECT_EQ(text(bytesText(9.3e18)), "8.07 EB");
}

TEST(Format, SignedValuesSayPlusButNotForZero) {
  EXPECT_EQ(text(signedBytesText(1024)), "+1.00 kB");
  EXPECT_EQ(text(signedBytesText(0)), "0 B");
  EXPECT_EQ(text(signedBytesText(-512)), "−512 B");
  EXPECT_EQ(text(signedValueText(12345, "count")), "+12,345");
}

TEST(Format, ValuesFollowTheirUnit) {
  EXPECT_EQ(text(valueText(2048, "bytes")), "2.00 kB");
  EXPECT_EQ(text(valueText(1500000, "nanoseconds")), "1.50 ms");
  EXPECT_EQ(text(valueText(1234567, "count")), "1,234,567");
  EXPECT_EQ(text(valueText(-5, "widgets")), "−5 widgets");
}

TEST(Format, CountsKeepEveryDigit) {
  EXPECT_EQ(text(countText(9007199254740993)), "9,007,199,254,740,993");
  EXPECT_EQ(text(countText(std::numeric_limits<qint64>::min())), "−9,223,372,036,854,775,808");
}

TEST(Format, ChangesAreSharesOfTheBase) {
  EXPECT_EQ(text(changeText(100, 220)), "+120 %");
  EXPECT_EQ(text(changeText(1000, 968)), "−3.2 %");
  EXPECT_EQ(text(changeText(100000, 100001)), "0 %");
  EXPECT_EQ(text(changeText(0, 5)), "new");
  EXPECT_EQ(text(changeText(5, 0)), "gone");
  EXPECT_EQ(text(changeText(5, 5)), "—");
}

TEST(Format, ErrorsAreTheWiderHalf) {
  EXPECT_EQ(text(errorText(100, 90, 112)), "± 12 %");
  EXPECT_EQ(text(errorText(100, 99, 101)), "± 1.0 %");
  EXPECT_EQ(text(errorText(0, 0, 5)), "");
}

TEST(Format, RatesArePerMinuteOrHour) {
  EXPECT_EQ(text(rateText(60 * 1024, true)), "+1.00 kB/min");
  EXPECT_EQ(text(rateText(-2048, false)), "−2.00 kB/h");
}

TEST(Format, FunctionNamesAreAsAPersonSaysThem) {
  EXPECT_EQ(text(shortFunction("main")), "main");
  EXPECT_EQ(text(shortFunction("Cache::insert(std::string const&, int)")), "Cache::insert");
  EXPECT_EQ(text(shortFunction("void grow<std::pair<int, long> >(int)")), "grow");
  EXPECT_EQ(text(shortFunction("(anonymous namespace)::leak(int)")), "(anonymous namespace)::leak");
  EXPECT_EQ(text(shortFunction("Functor::operator()(int) const")), "Functor::operator()");
  EXPECT_EQ(text(shortFunction("operator new(unsigned long)")), "operator new");
  EXPECT_EQ(text(shortFunction("bool A::operator<(A const&) const")), "A::operator<");
  EXPECT_EQ(text(shortFunction("shop::Render[abi:cxx11](shop::Request const&)")), "shop::Render");
  EXPECT_EQ(text(shortFunction("std::vector<int, std::allocator<int> >::push_back(int&&)")),
            "std::vector<int>::push_back");
  EXPECT_EQ(text(shortFunction("decltype (::new ((void*)(0)) int((declval<int>)())) "
                               "std::construct_at<int, int>(int*, int&&)")),
            "std::construct_at");
  EXPECT_EQ(text(shortFunction("example.com/x/store.(*Store).Put")),
            "example.com/x/store.(*Store).Put");
  EXPECT_EQ(text(shortFunction("main.main.func1")), "main.main.func1");
  EXPECT_EQ(text(shortFunction("alloc::vec::Vec<T>::push")), "alloc::vec::Vec<T>::push");
}

TEST(Format, HostileNamesSurvive) {
  for (const char* name : {"", "(", ")", "<", ">>>", "operator", "a<b(c", " ", "((((", "x::("}) {
    EXPECT_LE(shortFunction(QString::fromUtf8(name)).size(), static_cast<qsizetype>(qstrlen(name)))
        << name;
  }
  EXPECT_EQ(toQString(absl::string_view("a\nb\x01\xff", 5)), QStringLiteral("a b \uFFFD"));
}

}  // namespace
}  // namespace tidemark::gui
