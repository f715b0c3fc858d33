"""Words and price lists of the demo company: names, places, products, pages, campaigns.

Nothing here is about a real person. E-mail domains are the ones reserved for examples (RFC 2606 and RFC 6761);
telephone numbers come from ranges that regulators keep free for fiction (Bundesnetzagentur, notice 148/2021 in its
official journal 7/2021; Arcep, French numbering plan, numbers for audiovisual works).
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    """The words of a text; with bars between them where words have blanks."""
    return tuple(text.split("|" if "|" in text else None))


WOMEN = _words(
    "Anna Anja Birgit Bärbel Carla Charlotte Chloé Claudia Daniela Doris Elif Elke Emma Eva Fatma "
    "Franziska Frieda Gisela Greta Hannah Heike Helga Ida Inés Ines Jana Johanna Josephine Jule "
    "Julia Jördis Karin Katharina Klara Lara Laura Lea Lena Leonie Lina Lisa Luise Małgorzata Maja "
    "Maria Marie Martina Mia Mila Monika Nadine Nicole Olga Paula Petra Renée Sabine Sandra Sara "
    "Silke Sofia Sophie Stefanie Susanne Tanja Ulrike Ursula Yasemin Zoë"
)
MEN = _words(
    "Ali Andreas André Anton Ben Bernd Björn Christian Daniel David Dieter Elias Emil Erik Felix "
    "Finn Florian François Frank Fritz Georg Günter Hans Heinz Henri Holger Jakob Jan Jens Joachim "
    "Johannes Jonas Jörg Jürgen Karl Klaus Konstantin Lars Leon Louis Łukasz Lukas Manfred Marcel "
    "Mario Markus Martin Matteo Matthias Max Mehmet Michael Moritz Niklas Noah Oliver Oskar Paul "
    "Peter Philipp Rainer René Sebastian Sören Stefan Thomas Till Tim Tobias Uwe Wolfgang Yusuf"
)
LAST_NAMES = _words(
    "Albrecht Arnold Bauer Baumann Beck Becker Berger Böhm Brandt Braun Busch Çelik Dąbrowski "
    "Dietrich Dubois Engel Fischer Frank Franke Friedrich Fuchs Förster García Graf Groß Günther "
    "Haas Hahn Hartmann Heinrich Herrmann Hoffmann Hofmann Horn Huber Jäger Jansen Jensen Jung "
    "Kaiser Kaya Keller Klein Koch König Köhler Kowalski Kraus Krause Krämer Krüger Kuhn Kühn Kurz "
    "Lang Lange Lefèvre Lehmann Lindner Lorenz Ludwig Maier Marx Martin Mayer Meier Meyer Moreau "
    "Möller Müller Nguyen Nowak Öztürk Otto Peters Petersen Pfeiffer Pohl Richter Ritter Roth Sauer "
    "Schäfer Schmid Schmidt Schmitt Schneider Scholz Schreiber Schröder Schubert Schulte Schulz "
    "Schulze Schumacher Schuster Schwarz Seidel Simon Sommer Stein Şahin Thomas Vogel Vogt Voigt "
    "Wagner Walter Weber Weiß Werner Winkler Winter Wolf Wolff Yilmaz Ziegler Zimmermann"
)
STREETS = _words(
    "Ahornweg|Am Anger|Am Markt|Bachstraße|Bahnhofstraße|Bergstraße|Birkenweg|Buchenallee|Dorfstraße|"
    "Eichenweg|Feldstraße|Gartenstraße|Goethestraße|Hauptstraße|Kirchgasse|Lindenstraße|Mühlenweg|"
    "Parkstraße|Ringstraße|Rosenweg|Schillerstraße|Schulstraße|Sonnenhang|Talweg|Wiesenweg|"
    "Zum Mühlbach"
)
#: (country, postal code, town, share of people)
TOWNS = (
    ("DE", "10115", "Berlin", 16),
    ("DE", "10405", "Berlin", 12),
    ("DE", "12043", "Berlin", 10),
    ("DE", "14467", "Potsdam", 8),
    ("DE", "20095", "Hamburg", 7),
    ("DE", "22765", "Hamburg", 5),
    ("DE", "50667", "Köln", 6),
    ("DE", "60311", "Frankfurt am Main", 6),
    ("DE", "80331", "München", 7),
    ("DE", "04109", "Leipzig", 5),
    ("DE", "01067", "Dresden", 4),
    ("DE", "79098", "Freiburg im Breisgau", 5),
    ("FR", "67000", "Strasbourg", 4),
    ("AT", "5020", "Salzburg", 3),
    ("CH", "4051", "Basel", 2),
)
MAIL_DOMAINS = (
    ("freemail.example", 30),
    ("webpost.example", 22),
    ("mail.example.org", 14),
    ("example.com", 12),
    ("example.net", 12),
    ("briefkasten.example", 10),
)
#: (national prefix without 0, first part, how many digits follow): Germany's numbers for media productions.
GERMAN_LANDLINES = (
    ("30", "23125", 3),
    ("69", "90009", 3),
    ("40", "66969", 3),
    ("221", "4710", 3),
    ("89", "99998", 3),
)
GERMAN_MOBILES = (("171", "39200", 2), ("176", "040690", 2))
#: France's numbers for audiovisual works, the landline ranges.
FRENCH_LANDLINES = (("1", "9900", 4), ("2", "6191", 4), ("3", "5301", 4), ("4", "6571", 4), ("5", "3649", 4))

STORES = tuple(f"S{number:02d}" for number in range(1, 9))
AGENTS = ("A. Blume", "K. Roggen", "M. Dinkel", "S. Hafer", "T. Gerste", "Y. Hefe")
CALL_REASONS = (
    ("order", 30),
    ("delivery", 22),
    ("opening hours", 16),
    ("complaint", 12),
    ("loyalty card", 11),
    ("catering", 9),
)

#: (id, name, category, price, share of the price that is cost, weight at the till, weight in the web shop)
PRODUCTS: tuple[tuple[str, str, str, float, float, float, float], ...] = (
    ("BH-0101", "Rye sourdough 750 g", "bread", 4.90, 0.38, 9, 6),
    ("BH-0102", "Spelt loaf 500 g", "bread", 4.60, 0.40, 7, 5),
    ("BH-0103", "Wheat country loaf 1 kg", "bread", 5.20, 0.36, 6, 5),
    ("BH-0104", "Seeded loaf 500 g", "bread", 5.40, 0.41, 5, 5),
    ("BH-0105", "Potato bread 750 g", "bread", 4.80, 0.37, 3, 3),
    ("BH-0106", "Walnut bread 500 g", "bread", 6.20, 0.45, 2, 3),
    ("BH-0107", "Gluten-free loaf 400 g", "bread", 6.50, 0.48, 1.5, 4),
    ("BH-0108", "Baguette", "bread", 2.40, 0.33, 6, 1),
    ("BH-0109", "Olive ciabatta", "bread", 3.60, 0.39, 3, 1),
    ("BH-0201", "Wheat roll", "rolls", 0.55, 0.30, 30, 4),
    ("BH-0202", "Rye roll", "rolls", 0.75, 0.32, 14, 3),
    ("BH-0203", "Poppy seed roll", "rolls", 0.80, 0.33, 11, 2),
    ("BH-0204", "Pumpkin seed roll", "rolls", 1.05, 0.36, 10, 2),
    ("BH-0205", "Pretzel", "rolls", 1.10, 0.31, 15, 3),
    ("BH-0206", "Pretzel stick with cheese", "rolls", 1.90, 0.38, 6, 1),
    ("BH-0207", "Laugen croissant", "rolls", 1.80, 0.40, 6, 1),
    ("BH-0301", "Butter croissant", "pastry", 1.95, 0.42, 18, 3),
    ("BH-0302", "Chocolate croissant", "pastry", 2.40, 0.43, 10, 2),
    ("BH-0303", "Cinnamon bun", "pastry", 2.60, 0.38, 9, 3),
    ("BH-0304", "Apple turnover", "pastry", 2.70, 0.37, 6, 2),
    ("BH-0305", "Danish with cherries", "pastry", 2.80, 0.40, 4, 1),
    ("BH-0306", "Berliner", "pastry", 1.70, 0.35, 7, 2),
    ("BH-0307", "Nut corner", "pastry", 2.90, 0.44, 4, 4),
    ("BH-0308", "Florentine", "pastry", 3.10, 0.46, 2, 4),
    ("BH-0309", "Butter biscuits 250 g", "pastry", 6.90, 0.42, 2, 8),
    ("BH-0310", "Christmas biscuits 500 g", "pastry", 13.90, 0.43, 1, 6),
    ("BH-0401", "Cheesecake, slice", "cake", 3.60, 0.36, 6, 0),
    ("BH-0402", "Apple crumble, slice", "cake", 3.40, 0.35, 6, 0),
    ("BH-0403", "Black Forest gateau, slice", "cake", 4.20, 0.39, 4, 0),
    ("BH-0411", "Cheesecake, whole", "cake", 32.00, 0.36, 0.6, 7),
    ("BH-0412", "Apple crumble, tray", "cake", 34.00, 0.35, 0.4, 6),
    ("BH-0413", "Black Forest gateau, whole", "cake", 42.00, 0.39, 0.3, 5),
    ("BH-0414", "Birthday cake", "cake", 48.00, 0.41, 0.2, 7),
    ("BH-0415", "Marble cake", "cake", 16.50, 0.34, 1, 6),
    ("BH-0416", "Christmas stollen 1 kg", "cake", 24.00, 0.42, 0.5, 6),
    ("BH-0501", "Cheese sandwich", "snack", 4.20, 0.39, 9, 1),
    ("BH-0502", "Ham sandwich", "snack", 4.50, 0.42, 8, 1),
    ("BH-0503", "Vegan sandwich", "snack", 4.70, 0.43, 6, 1),
    ("BH-0504", "Quiche", "snack", 5.20, 0.40, 4, 1),
    ("BH-0505", "Pizza slice", "snack", 3.90, 0.36, 6, 0),
    ("BH-0506", "Soup of the day", "snack", 5.90, 0.35, 3, 0),
    ("BH-0507", "Sandwich platter for 10", "snack", 64.00, 0.45, 0.1, 5),
    ("BH-0601", "Filter coffee", "drink", 2.40, 0.18, 16, 0),
    ("BH-0602", "Cappuccino", "drink", 3.30, 0.21, 16, 0),
    ("BH-0603", "Latte macchiato", "drink", 3.70, 0.22, 9, 0),
    ("BH-0604", "Tea", "drink", 2.60, 0.14, 5, 0),
    ("BH-0605", "Hot chocolate", "drink", 3.40, 0.24, 4, 0),
    ("BH-0606", "Apple juice 0.33 l", "drink", 2.80, 0.40, 4, 1),
    ("BH-0607", "House blend coffee beans 500 g", "drink", 12.90, 0.52, 0.8, 6),
    ("BH-0701", "Breakfast box for 2", "box", 24.90, 0.47, 0, 9),
    ("BH-0702", "Breakfast box for 4", "box", 44.90, 0.46, 0, 8),
    ("BH-0703", "Office breakfast for 10", "box", 89.00, 0.45, 0, 6),
    ("BH-0704", "Bread subscription, month", "box", 29.00, 0.44, 0, 6),
    ("BH-0705", "Baking set sourdough", "box", 19.90, 0.50, 0, 4),
    ("BH-0706", "Gift box sweet", "box", 36.00, 0.48, 0, 6),
    ("BH-0707", "Gift card 25", "box", 25.00, 1.00, 0.2, 4),
)
#: The till's article for a returnable coffee cup: money on a receipt, but no product.
DEPOSIT = ("DEP-CUP", "Deposit cup", 1.00)

CAMPAIGN_THEMES = (
    "Fresh from the oven",
    "Bread of the month",
    "Sunday breakfast",
    "Baking course",
    "Seasonal cakes",
    "Coffee and cake",
    "Sourdough stories",
    "For the office",
)
SITE = "https://www.bakehouse.example"
PAGES = (
    ("/", "Bakehouse"),
    ("/bread", "Bread"),
    ("/rolls", "Rolls"),
    ("/cakes", "Cakes"),
    ("/boxes", "Boxes and gifts"),
    ("/stores", "Our stores"),
    ("/recipes/sourdough", "Sourdough at home"),
    ("/jobs", "Jobs"),
)
#: (referrer, utm_source, utm_medium, share)
ORIGINS = (
    (None, None, None, 38),
    ("https://search.example/", None, None, 27),
    ("https://search.example/", "search", "cpc", 12),
    ("https://social.example/", "social", "paid_social", 8),
    ("https://social.example/", None, None, 7),
    ("https://food-blog.example/best-bread", None, None, 5),
    ("https://maps.example/", "maps", "local", 3),
)
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
    "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0",
)
BOTS = ("ExampleBot/2.1 (+https://bot.example/about)", "SiteCheck-Crawler/1.4", "PriceSpider/0.9")
MAIL_CLIENTS = ("Mail/16.0", "WebPost/3.2", "Thunderbird/115.0", "Mobile Mail/9.1")
MAIL_PROXIES = ("Privacy Proxy/1.0", "LinkScanner/5.2")
