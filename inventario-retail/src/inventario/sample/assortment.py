"""What the sample shop sells: the shelves of a neighbourhood shop in Argentina. Brands are invented; costs are pesos without tax."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["SHELVES", "SUPPLIERS", "Item", "Shelf"]


class Item(NamedTuple):
    """One product: ``daily`` units go over the counter of the larger store on a plain day, ``pack`` come in one box of the supplier."""

    name: str
    cost: int
    daily: float
    pack: int = 12
    unit: str = "unit"


class Shelf(NamedTuple):
    """Products that are bought, taxed and asked for alike.

    ``week`` and ``hours`` name the rhythm of its sales; ``spoils`` is the share of a day's sales that is thrown away, on average.
    """

    prefix: str
    category: str
    supplier: str
    vat: str
    markup: int
    items: tuple[Item, ...]
    week: str = "even"
    hours: str = "all_day"
    spoils: float = 0.0


# Code, name, days until a delivery. The tax numbers are made by the generator, in a range that belongs to nobody.
SUPPLIERS: tuple[tuple[str, str, int], ...] = (
    ("MAYORISTA", "Mayorista Tres Esquinas S.A.", 3),
    ("LACTEOS", "Lácteos Aurel S.R.L.", 1),
    ("PANADERIA", "Panadería La Espiga de Oro", 1),
    ("BEBIDAS", "Distribuidora Ñandú S.A.", 4),
    ("FIAMBRES", "Fiambres y Quesos Bettola S.R.L.", 2),
    ("VERDURAS", "Cooperativa Quinta del Sur", 1),
    ("LIMPIEZA", "Química Brisanda S.A.", 5),
    ("KIOSCO", "Golosinas Perlita S.R.L.", 3),
)

SHELVES: tuple[Shelf, ...] = (
    Shelf(
        "YER",
        "Almacén/Yerba e infusiones",
        "MAYORISTA",
        "21",
        32,
        (
            Item("Yerba mate Yaguapé con palo 1 kg", 2980, 4.2, 10),
            Item("Yerba mate Yaguapé con palo 500 g", 1610, 2.1, 20),
            Item("Yerba mate Yaguapé suave 1 kg", 3120, 1.1, 10),
            Item("Yerba mate compuesta Serranía 500 g", 1750, 0.7, 20),
            Item("Mate cocido Yaguapé 25 saquitos", 820, 0.9, 12),
            Item("Té negro Colina Azul 25 saquitos", 640, 0.6, 12),
            Item("Té de manzanilla Colina Azul 20 saquitos", 790, 0.2, 12),
            Item("Café molido Torrado 500 g", 6900, 0.5, 6),
            Item("Café instantáneo suave 170 g", 7400, 0.45, 6),
        ),
        hours="morning",
    ),
    Shelf(
        "ALM",
        "Almacén/Azúcar, harinas y legumbres",
        "MAYORISTA",
        "10.5",
        28,
        (
            Item("Harina de trigo 000 Molino Quirú 1 kg", 690, 1.8, 10),
            Item("Harina leudante Molino Quirú 1 kg", 860, 0.9, 10),
            Item("Harina integral Molino Quirú 1 kg", 980, 0.1, 10),
            Item("Lentejas secas 400 g", 1150, 0.3, 12),
            Item("Garbanzos secos 400 g", 1290, 0.06, 12),
            Item("Polenta instantánea 500 g", 740, 0.6, 12),
        ),
    ),
    Shelf(
        "ALS",
        "Almacén/Aceites, arroz y pastas",
        "MAYORISTA",
        "21",
        30,
        (
            Item("Azúcar común Ingenio Lules 1 kg", 880, 3.0, 10),
            Item("Aceite de girasol Solana 1,5 l", 3350, 1.7, 12),
            Item("Aceite de girasol Solana 900 ml", 2120, 1.2, 15),
            Item("Aceite de oliva extra virgen 500 ml", 7900, 0.12, 6),
            Item("Arroz largo fino Estero 1 kg", 1240, 1.7, 10),
            Item("Arroz parboil Estero 1 kg", 1490, 0.6, 10),
            Item("Fideos tallarines Nonna Pía 500 g", 890, 1.9, 20),
            Item("Fideos mostachol Nonna Pía 500 g", 890, 1.6, 20),
            Item("Fideos codito para sopa Nonna Pía 500 g", 860, 0.5, 20),
            Item("Sal fina 500 g", 520, 0.5, 20),
            Item("Vinagre de alcohol 1 l", 780, 0.3, 12),
        ),
    ),
    Shelf(
        "CON",
        "Almacén/Conservas y salsas",
        "MAYORISTA",
        "21",
        35,
        (
            Item("Puré de tomate 520 g", 760, 2.2, 12),
            Item("Tomate perita en lata 400 g", 980, 0.9, 24),
            Item("Arvejas secas remojadas 300 g", 690, 0.8, 24),
            Item("Choclo amarillo en grano 300 g", 990, 0.6, 24),
            Item("Atún al natural 170 g", 2150, 0.8, 24),
            Item("Duraznos en almíbar 820 g", 2480, 0.25, 12),
            Item("Mayonesa Olinda 475 g", 1790, 1.0, 12),
            Item("Kétchup Olinda 250 g", 1260, 0.4, 12),
            Item("Mostaza Olinda 250 g", 940, 0.35, 12),
            Item("Caldo de verdura 6 cubos", 720, 0.5, 24),
            Item("Mermelada de ciruela 454 g", 1580, 0.3, 12),
            Item("Miel multifloral 500 g", 3650, 0.05, 6),
        ),
    ),
    Shelf(
        "GAL",
        "Almacén/Galletitas",
        "KIOSCO",
        "21",
        38,
        (
            Item("Galletitas de agua Crocal 300 g", 980, 2.0, 20),
            Item("Galletitas de salvado Crocal 300 g", 1090, 0.8, 20),
            Item("Bizcochos de grasa Crocal 200 g", 790, 1.5, 24),
            Item("Galletitas dulces surtidas 400 g", 1690, 0.9, 16),
            Item("Galletitas rellenas de chocolate 118 g", 890, 1.6, 28),
            Item("Tostadas de arroz 150 g", 1180, 0.25, 12),
            Item("Budín marmolado 200 g", 1240, 0.4, 12),
        ),
    ),
    Shelf(
        "LEC",
        "Frescos/Leches",
        "LACTEOS",
        "0",
        22,
        (
            Item("Leche entera Aurel sachet 1 l", 1090, 6.5, 12),
            Item("Leche descremada Aurel sachet 1 l", 1120, 2.6, 12),
            Item("Leche entera larga vida Aurel 1 l", 1290, 1.6, 12),
            Item("Leche en polvo entera Aurel 800 g", 8200, 0.15, 6),
        ),
        hours="morning",
        spoils=0.02,
    ),
    Shelf(
        "LAC",
        "Frescos/Lácteos",
        "LACTEOS",
        "21",
        28,
        (
            Item("Yogur bebible de frutilla Aurel 900 g", 1820, 1.6, 6),
            Item("Yogur firme de vainilla Aurel 190 g", 760, 1.2, 12),
            Item("Manteca Aurel 200 g", 1980, 1.1, 10),
            Item("Dulce de leche Aurel 400 g", 1890, 1.2, 12),
            Item("Crema de leche Aurel 200 cm³", 1340, 0.9, 12),
            Item("Queso crema Aurel 290 g", 2090, 1.1, 6),
            Item("Queso rallado 120 g", 1980, 0.7, 12),
            Item("Postre de chocolate Aurel 120 g", 890, 0.7, 12),
            Item("Levadura fresca 50 g", 430, 0.4, 10),
        ),
        hours="morning",
        spoils=0.02,
    ),
    Shelf(
        "FIA",
        "Frescos/Fiambres y quesos",
        "FIAMBRES",
        "21",
        42,
        (
            Item("Queso cremoso al corte", 7600, 1.1, 4, "kg"),
            Item("Queso de máquina al corte", 8200, 0.9, 4, "kg"),
            Item("Queso sardo estacionado al corte", 11900, 0.15, 3, "kg"),
            Item("Jamón cocido al corte", 9200, 1.0, 4, "kg"),
            Item("Paleta cocida al corte", 5900, 0.7, 4, "kg"),
            Item("Salame milán al corte", 10800, 0.3, 3, "kg"),
            Item("Mortadela al corte", 4700, 0.35, 4, "kg"),
            Item("Aceitunas verdes sueltas", 5200, 0.2, 5, "kg"),
            Item("Salchichas tipo Viena 6 unidades", 1290, 1.0, 20),
            Item("Tapas para empanadas 12 unidades", 1180, 0.9, 12),
            Item("Masa para tarta 2 unidades", 1390, 0.6, 12),
        ),
        week="weekend",
        spoils=0.01,
    ),
    Shelf(
        "PAN",
        "Frescos/Panadería",
        "PANADERIA",
        "10.5",
        45,
        (
            Item("Pan francés", 1650, 7.5, 6, "kg"),
            Item("Pan integral con semillas", 2450, 0.8, 2, "kg"),
            Item("Pan rallado 500 g", 890, 0.5, 12),
        ),
        hours="morning",
        spoils=0.06,
    ),
    Shelf(
        "FAC",
        "Frescos/Facturas y sándwiches",
        "PANADERIA",
        "21",
        50,
        (
            Item("Facturas surtidas", 420, 9.0, 24),
            Item("Medialunas de manteca", 390, 8.0, 24),
            Item("Pan lactal blanco 460 g", 1890, 1.5, 8),
            Item("Pan para hamburguesa 4 unidades", 1290, 0.8, 12),
            Item("Sándwich de miga de jamón y queso", 1150, 1.6, 12),
        ),
        week="weekend",
        hours="morning",
        spoils=0.05,
    ),
    Shelf(
        "VER",
        "Frescos/Verduras y frutas",
        "VERDURAS",
        "10.5",
        55,
        (
            Item("Papa negra", 620, 4.5, 20, "kg"),
            Item("Cebolla", 680, 2.6, 20, "kg"),
            Item("Tomate redondo", 1450, 2.8, 15, "kg"),
            Item("Zanahoria", 720, 1.4, 10, "kg"),
            Item("Lechuga criolla", 1900, 0.8, 5, "kg"),
            Item("Zapallo anco", 790, 1.2, 15, "kg"),
            Item("Morrón rojo", 2700, 0.6, 5, "kg"),
            Item("Banana", 1350, 2.9, 18, "kg"),
            Item("Manzana roja", 1580, 1.9, 18, "kg"),
            Item("Naranja de jugo", 760, 1.9, 18, "kg"),
            Item("Limón", 980, 0.9, 10, "kg"),
            Item("Ajo por cabeza", 340, 1.2, 24),
        ),
        hours="morning",
        spoils=0.05,
    ),
    Shelf(
        "HUE",
        "Frescos/Huevos",
        "VERDURAS",
        "10.5",
        30,
        (Item("Huevos blancos, docena", 2150, 2.4, 15), Item("Huevos blancos, maple de 30", 4900, 0.6, 6)),
        spoils=0.01,
    ),
    Shelf(
        "GAS",
        "Bebidas/Gaseosas",
        "BEBIDAS",
        "21",
        34,
        (
            Item("Gaseosa cola Kiruma 2,25 l", 2350, 4.0, 8),
            Item("Gaseosa cola Kiruma 500 ml", 980, 2.4, 12),
            Item("Gaseosa cola Kiruma sin azúcar 2,25 l", 2350, 1.9, 8),
            Item("Gaseosa lima limón Frescal 2,25 l", 2090, 1.6, 8),
            Item("Gaseosa naranja Frescal 2,25 l", 2090, 1.3, 8),
            Item("Gaseosa pomelo Frescal 1,5 l", 1480, 0.8, 8),
            Item("Agua tónica Frescal 1,5 l", 1620, 0.4, 6),
        ),
        week="weekend",
        hours="evening",
    ),
    Shelf(
        "AGU",
        "Bebidas/Aguas y jugos",
        "BEBIDAS",
        "21",
        36,
        (
            Item("Agua mineral sin gas Vertiente 2 l", 980, 2.2, 6),
            Item("Agua mineral sin gas Vertiente 500 ml", 560, 1.8, 12),
            Item("Soda en sifón 2 l", 890, 1.5, 6),
            Item("Agua saborizada de pera 1,5 l", 1180, 1.0, 6),
            Item("Jugo en polvo de naranja 18 g", 260, 3.1, 20),
            Item("Jugo de naranja en caja 1 l", 1490, 0.5, 8),
        ),
    ),
    Shelf(
        "ALC",
        "Bebidas/Cervezas y vinos",
        "BEBIDAS",
        "21",
        33,
        (
            Item("Cerveza rubia Ñandú 1 l retornable", 1890, 3.0, 12),
            Item("Cerveza rubia Ñandú lata 473 ml", 1190, 3.6, 24),
            Item("Cerveza negra Ñandú lata 473 ml", 1290, 0.8, 24),
            Item("Vino tinto de mesa Parral 1 l", 1450, 1.2, 12),
            Item("Vino malbec Altos de Ischilín 750 ml", 3900, 0.7, 6),
            Item("Vino blanco torrontés Altos de Ischilín 750 ml", 3700, 0.25, 6),
            Item("Fernet Montaraz 750 ml", 8900, 0.5, 6),
            Item("Aperitivo amargo 950 ml", 4300, 0.2, 6),
            Item("Sidra Manzanar 720 ml", 2100, 0.04, 6),
        ),
        week="weekend",
        hours="evening",
    ),
    Shelf(
        "LIM",
        "Limpieza/Hogar",
        "LIMPIEZA",
        "21",
        40,
        (
            Item("Lavandina Brisanda 1 l", 780, 1.1, 12),
            Item("Lavandina suelta", 420, 0.6, 20, "l"),
            Item("Detergente suelto", 980, 0.7, 20, "l"),
            Item("Detergente Brisanda limón 500 ml", 1250, 1.0, 12),
            Item("Desodorante de piso suelto", 560, 0.5, 20, "l"),
            Item("Jabón en polvo Brisanda 800 g", 2690, 0.7, 12),
            Item("Jabón líquido para ropa Brisanda 3 l", 8900, 0.4, 4),
            Item("Suavizante Brisanda 900 ml", 1690, 0.4, 12),
            Item("Limpiavidrios con gatillo 500 ml", 1980, 0.1, 6),
            Item("Insecticida en aerosol 360 cm³", 2790, 0.3, 12),
            Item("Espiral para mosquitos 12 unidades", 1450, 0.4, 12),
            Item("Bolsas de residuos 45 × 60, 30 unidades", 980, 0.8, 20),
            Item("Esponja de cocina", 420, 0.7, 24),
            Item("Trapo de piso gris", 890, 0.2, 12),
            Item("Soga de tender la ropa", 190, 0.08, 100, "m"),
            Item("Velas comunes, paquete de 4", 990, 0.05, 12),
        ),
    ),
    Shelf(
        "PER",
        "Limpieza/Cuidado personal",
        "LIMPIEZA",
        "21",
        42,
        (
            Item("Papel higiénico hoja simple 4 × 30 m", 1590, 2.0, 12),
            Item("Rollo de cocina 3 × 40 paños", 1490, 0.8, 10),
            Item("Jabón de tocador Ondiva 3 × 90 g", 1890, 0.6, 12),
            Item("Champú Ondiva 340 ml", 2890, 0.4, 12),
            Item("Acondicionador Ondiva 340 ml", 2990, 0.3, 12),
            Item("Crema dental triple acción 90 g", 1490, 0.6, 12),
            Item("Cepillo de dientes mediano", 1290, 0.15, 12),
            Item("Desodorante en aerosol Ondiva 150 ml", 2190, 0.5, 12),
            Item("Máquina de afeitar descartable", 890, 0.3, 24),
            Item("Toallitas femeninas con alas 8 unidades", 1290, 0.5, 24),
            Item("Pañales talle G, 34 unidades", 12900, 0.25, 4),
        ),
    ),
    Shelf(
        "GOL",
        "Kiosco/Golosinas",
        "KIOSCO",
        "21",
        55,
        (
            Item("Alfajor triple de chocolate Perlita", 690, 4.1, 21),
            Item("Alfajor blanco Perlita", 690, 1.7, 21),
            Item("Chocolate con leche Perlita 100 g", 2390, 0.6, 12),
            Item("Caramelos masticables surtidos", 5400, 0.12, 2, "kg"),
            Item("Chicle de menta 5 unidades", 420, 1.6, 24),
            Item("Turrón de maní 25 g", 240, 2.2, 50),
            Item("Pastillas de eucalipto", 490, 0.9, 24),
            Item("Papas fritas clásicas 145 g", 1890, 1.3, 14),
            Item("Maní salado 120 g", 890, 0.7, 20),
            Item("Palitos salados 120 g", 880, 0.6, 20),
            Item("Helado palito bombón", 1190, 0.8, 24),
        ),
        hours="evening",
    ),
    Shelf(
        "KIO",
        "Kiosco/Varios",
        "KIOSCO",
        "21",
        35,
        (
            Item("Encendedor descartable", 590, 0.8, 25),
            Item("Fósforos de madera 222 unidades", 690, 0.5, 20),
            Item("Pilas AA, blíster de 2", 1890, 0.3, 12),
            Item("Lámpara led 9 W", 1390, 0.15, 10),
            Item("Carbón vegetal, bolsa de 4 kg", 3200, 0.7, 10),
            Item("Alimento para perros suelto", 1690, 1.1, 15, "kg"),
            Item("Alimento para gatos 1 kg", 3900, 0.3, 10),
            Item("Repelente en crema 60 g", 1690, 0.05, 12),
        ),
        week="weekend",
    ),
    Shelf("DIA", "Kiosco/Diarios", "KIOSCO", "0", 18, (Item("Diario de la mañana", 1900, 2.2, 5),), week="weekend", hours="morning"),
)
