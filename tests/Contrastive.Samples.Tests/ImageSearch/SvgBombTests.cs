using System.Text;
using Contrastive.Samples.ImageSearch.Data;
using SkiaSharp;

namespace Contrastive.Samples.Tests.ImageSearch;

/// <summary>Drawings that would take all memory, all time or the process are refused by name, before anything is drawn.</summary>
public sealed class SvgBombTests
{
    private const int Side = 32;
    private const string Svg = "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' viewBox='0 0 10 10'>";
    private const string Box = "<rect width='10' height='10' fill='red'/>";

    public static TheoryData<string, string, string> Bombs()
    {
        var entities = new StringBuilder("<!DOCTYPE svg [<!ENTITY e0 \"ha\">");
        for (var i = 1; i < 12; i++)
            entities.Append($"<!ENTITY e{i} \"{string.Concat(Enumerable.Repeat($"&e{i - 1};", 10))}\">");
        var uses = Levels("g", 30, below => $"<use href='#n{below}'/><use xlink:href='#n{below}'/>");
        var patterns = Levels("pattern", 30, below => $"<rect width='1' height='1' fill='url(#n{below})'/><rect width='1' height='1' style='stroke:url( \"#n{below}\" )'/>");
        string Styles(Func<int, string> rule) => $"<style>{string.Concat(Enumerable.Range(1, 30).Select(rule))}</style>"
            + Levels("pattern", 30, below => $"<rect width='1' height='1' class='c{below + 1}'/><rect width='1' height='1' class='c{below + 1}'/>");
        return new TheoryData<string, string, string>
        {
            { "a billion laughs", $"{entities}]>{Svg}<text>&e11;</text></svg>", "entit" },
            { "nested too deep", $"{Svg}{string.Concat(Enumerable.Repeat("<g>", 100_000))}{string.Concat(Enumerable.Repeat("</g>", 100_000))}</svg>", "deep" },
            { "uses of uses", $"{Svg}<defs>{uses}</defs><use href='#n30'/></svg>", "parts" },
            { "patterns in patterns", $"{Svg}<defs>{patterns}</defs><rect width='10' height='10' fill='url(#n30)'/></svg>", "parts" },
            { "patterns in patterns by a style sheet", $"{Svg}{Styles(i => $".c{i}{{fill:url(#n{i - 1})}}")}<rect width='10' height='10' fill='url(#n30)'/></svg>", "parts" },
            { "a style sheet with braces in comments", $"{Svg}{Styles(i => $".c{i}{{/*}}*/fill:url(#n{i - 1})}}")}</svg>", "parts" },
            { "a style sheet in pieces", $"{Svg}{Styles(i => $".c{i}{{fill:ur<!-- -->l(#n{i - 1})}}")}</svg>", "parts" },
            { "a long path, often", $"{Svg}<defs><path id='n' d='M0 0{string.Concat(Enumerable.Repeat("L1 1", 250_000))}'/>{Levels("g", 12, below => $"<use href='#n{below}'/><use href='#n'/><use href='#n{below}'/>")}</defs><use href='#n12'/></svg>", "parts" },
            { "markers at every point of markers", $"{Svg}<marker id='a'>{Box}</marker><marker id='b'><path d='M0 0{string.Concat(Enumerable.Repeat("h1", 2000))}' marker-mid='url(#a)'/></marker><path d='M0 0{string.Concat(Enumerable.Repeat("h1", 2000))}' style='marker:url(#b)'/></svg>", "parts" },
            { "a use of itself", $"{Svg}<g id='a'>{Box}<use href='#a'/></g></svg>", "itself" },
            { "a pattern of itself", $"{Svg}<pattern id='a' width='1' height='1'><rect width='1' height='1' fill='url(#a)'/></pattern><rect width='10' height='10' fill='url(#a)'/></svg>", "itself" },
            { "two masks of each other", $"{Svg}<mask id='a'><rect width='9' height='9' mask='url(#b)'/></mask><mask id='b'><rect width='9' height='9' mask='url(#a)'/></mask><rect width='9' height='9' mask='url(#a)'/></svg>", "itself" },
            { "many parts", $"{Svg}{string.Concat(Enumerable.Repeat("<g/>", 200_000))}</svg>", "parts" },
            { "a drawing in a drawing", $"{Svg}<image width='10' height='10' href='data:image/svg+xml;base64,{Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Svg}{Box}</svg>"))}'/></svg>", "image" },
            { "a picture of absurd size within", $"{Svg}<image width='10' height='10' href='data:image/png;base64,{Convert.ToBase64String(AbsurdPng.Of(60_000, 60_000))}'/></svg>", "60000" },
            { "a text drawing in a drawing", $"{Svg}<image width='10' height='10' href='data:image/svg+xml,%3Csvg/%3E'/></svg>", "image" },
            { "a style sheet for all against all", $"{Svg}<style>{string.Concat(Enumerable.Repeat(".a{fill:red}", 5000))}</style>{string.Concat(Enumerable.Repeat("<g class='a'/>", 5000))}</svg>", "rules" },
            { "patterns in patterns by inheritance", $"{Svg}<defs>{Levels("pattern", 30, below => $"<g fill='url(#n{below})'><rect width='1' height='1'/><rect width='1' height='1'/></g>")}</defs><rect width='10' height='10' fill='url(#n30)'/></svg>", "parts" },
            { "a long chain", $"{Svg}{Levels("g", 5000, below => $"<use href='#n{below}'/>")}<use href='#n5000'/></svg>", "deep" },
            { "an escaped reference", $"{Svg}<pattern id='a'>{Box}</pattern><style>rect{{fill:ur\\6c(#a)}}</style></svg>", "escaped" },
        };

        static string Levels(string element, int levels, Func<int, string> content)
            => $"<{element} id='n0' width='1' height='1'>{Box}</{element}>" + string.Concat(Enumerable.Range(1, levels).Select(i => $"<{element} id='n{i}' width='1' height='1'>{content(i - 1)}</{element}>"));
    }

    [Theory]
    [MemberData(nameof(Bombs))]
    public async Task A_bomb_is_refused_by_what_it_is(string what, string content, string reason)
    {
        var refused = Task.Run(() => new Action(() => PictureOrDrawing.Decode(Encoding.UTF8.GetBytes(content), Side).Dispose()).Should()
            .Throw<InvalidDataException>(what).WithMessage($"*{reason}*"));

        (await Task.WhenAny(refused, Task.Delay(TimeSpan.FromSeconds(20)))).Should().Be(refused, what);
        await refused;
    }

    [Theory]
    [InlineData("width='1000000000' height='1000000000' viewBox='0 0 10 10'")]
    [InlineData("width='1e30' height='1e30' viewBox='0 0 10 10'")]
    public void How_large_a_drawing_says_it_is_does_not_matter_as_it_is_drawn_at_the_size_asked_for(string size)
    {
        using var drawing = Draw($"<svg xmlns='http://www.w3.org/2000/svg' {size}>{Box}</svg>");

        drawing.GetPixel(Side / 2, Side / 2).Should().Be(SKColors.Red);
    }

    [Theory]
    [InlineData("<filter id='f'><feGaussianBlur stdDeviation='1000000'/></filter><rect width='10' height='10' filter='url(#f)'/>")]
    [InlineData("<filter id='f' x='-1e6' y='-1e6' width='1e7' height='1e7'><feTurbulence baseFrequency='1e6' numOctaves='1000000'/></filter><rect width='10' height='10' filter='url(#f)'/>")]
    [InlineData("<filter id='f'><feMorphology radius='1000000'/></filter><rect width='10' height='10' filter='url(#f)'/>")]
    [InlineData("<pattern id='p' width='1e-7' height='1e-7' patternUnits='userSpaceOnUse'><rect width='1' height='1'/></pattern><rect width='10' height='10' fill='url(#p)'/>")]
    [InlineData("<pattern id='p' width='1e7' height='1e7' patternUnits='userSpaceOnUse'><rect width='1e7' height='1e7'/></pattern><rect width='10' height='10' fill='url(#p)'/>")]
    [InlineData("<path d='M0 0H10' stroke='red' stroke-dasharray='.0000001'/>")]
    [InlineData("<text font-size='1e9'>a</text>")]
    [InlineData("<path d='M0 0L1e38 1e38L-1e38 0Z' stroke='red' stroke-width='1e38'/>")]
    public async Task Extreme_numbers_are_drawn_or_refused_soon(string content)
    {
        var drawn = Task.Run(() =>
        {
            try
            {
                Draw($"{Svg}{content}</svg>").Dispose();
            }
            catch (InvalidDataException)
            {
            }
        });

        (await Task.WhenAny(drawn, Task.Delay(TimeSpan.FromSeconds(20)))).Should().Be(drawn, content);
        await drawn;
    }

    [Fact]
    public void What_editors_write_is_still_drawn()
    {
        using var drawing = Draw($$"""
            <?xml version="1.0" encoding="utf-8"?>
            <!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [<!ENTITY ns_svg "http://www.w3.org/2000/svg">]>
            <svg xmlns="&ns_svg;" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10">
              <style>.a{fill:url(#shade)} .b{clip-path:url(#cut)}</style>
              <defs>
                <linearGradient id="stops"><stop class="a" stop-color="red"/></linearGradient>
                <linearGradient id="shade" xlink:href="#stops"/>
                <clipPath id="cut"><rect width="10" height="10"/></clipPath>
                <g id="box"><rect class="a" width="10" height="10"/></g>
              </defs>
              <g class="b"><use xlink:href="#box"/><use href="#box"/><use href="#nowhere"/></g>
            </svg>
            """);

        drawing.GetPixel(Side / 2, Side / 2).Should().Be(SKColors.Red);
    }

    private static SKBitmap Draw(string content) => PictureOrDrawing.Decode(Encoding.UTF8.GetBytes(content), Side);
}
