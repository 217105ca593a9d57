using Contrastive.Samples.ImageSearch.Data;

namespace Contrastive.Samples.ImageSearch.Languages;

/// <summary>What drawn pictures are called in four languages, one of them without spaces: the same things, said in the order of each.</summary>
internal static class DrawnNames
{
    private static readonly Words[] All =
    [
        new("en",
            ["circle", "square", "triangle", "star", "cross", "ring", "bar", "drop"],
            ["red", "orange", "yellow", "green", "blue", "purple", "black", "grey"],
            ["small", "medium", "large"],
            ["in the middle", "at the top", "at the bottom", "on the left", "on the right"],
            ["outlined", "filled"],
            (shape, colour, size, place, fill) => $"{size} {fill} {colour} {shape} {place}"),
        new("de",
            ["Kreis", "Quadrat", "Dreieck", "Stern", "Kreuz", "Ring", "Balken", "Tropfen"],
            ["rot", "orange", "gelb", "grün", "blau", "lila", "schwarz", "grau"],
            ["klein", "mittelgroß", "groß"],
            ["in der Mitte", "oben", "unten", "links", "rechts"],
            ["als Umriss", "gefüllt"],
            (shape, colour, size, place, fill) => $"{shape} {place}, {colour}, {size}, {fill}"),
        new("fr",
            ["cercle", "carré", "triangle", "étoile", "croix", "anneau", "barre", "goutte"],
            ["en rouge", "en orange", "en jaune", "en vert", "en bleu", "en violet", "en noir", "en gris"],
            ["petite taille", "taille moyenne", "grande taille"],
            ["au milieu", "en haut", "en bas", "à gauche", "à droite"],
            ["sans remplissage", "avec remplissage"],
            (shape, colour, size, place, fill) => $"{shape} {colour}, {size}, {place}, {fill}"),
        new("ja",
            ["円", "正方形", "三角形", "星", "十字", "輪", "棒", "しずく"],
            ["赤い", "橙色の", "黄色い", "緑の", "青い", "紫の", "黒い", "灰色の"],
            ["小さな", "中くらいの", "大きな"],
            ["中央の", "上の", "下の", "左の", "右の"],
            ["輪郭だけの", "塗りつぶした"],
            (shape, colour, size, place, fill) => $"{place}{size}{fill}{colour}{shape}"),
    ];

    private delegate string Phrase(string shape, string colour, string size, string place, string fill);

    /// <summary>A language's words, in the order in which pictures are numbered.</summary>
    private sealed record Words(string Language, string[] Shapes, string[] Colours, string[] Sizes, string[] Places, string[] Fills, Phrase Say);

    public static IEnumerable<NameTable.Name> Of(int item)
    {
        var (shape, colour, size, place, filled) = DrawnPictures.Parts(item);
        return All.Select(words => new NameTable.Name(words.Language, words.Say(
            words.Shapes[shape], words.Colours[colour], words.Sizes[size], words.Places[place], words.Fills[filled ? 1 : 0])));
    }
}
