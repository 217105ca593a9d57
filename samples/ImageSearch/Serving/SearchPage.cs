using System.Security.Cryptography;
using System.Text;

namespace Contrastive.Samples.ImageSearch.Serving;

/// <summary>The page, and a policy by which a browser runs this script and style of it and no others, and asks no other server.</summary>
internal sealed record SearchPage(string Html, string Policy)
{
    public static SearchPage Load()
    {
        using var stream = typeof(SearchPage).Assembly.GetManifestResourceStream("page.html")!;
        using var reader = new StreamReader(stream);
        // Browsers read line ends so before they take the sum.
        var html = reader.ReadToEnd().ReplaceLineEndings("\n");
        return new SearchPage(
            html,
            $"default-src 'none'; script-src {Sum("script")}; style-src {Sum("style")}; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");

        string Sum(string element)
        {
            var from = html.IndexOf($"<{element}>", StringComparison.Ordinal) + element.Length + 2;
            var content = html[from..html.IndexOf($"</{element}>", from, StringComparison.Ordinal)];
            return $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(content)))}'";
        }
    }
}
